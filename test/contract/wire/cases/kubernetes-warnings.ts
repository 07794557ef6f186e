import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import { ecrName } from '../../../../src/images/naming.ts';
import { parseReference, repositoryOf } from '../../../../src/images/reference.ts';
import { imageLists, versionOf } from '../../../../src/mirror/warnings/lists.ts';
import { warningPolicyObjects } from '../../../../src/mirror/warnings/policy.ts';
import { configSchema } from '../../../../src/config/schema.ts';
import { misspellings, spellings, spellingsOf } from '../../../support/image-references.ts';
import type { Answer, Ask, Case } from '../case.ts';
import { kube } from '../request.ts';
import { account, ask, namespace } from './kubernetes-support.ts';

const registry = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const digests = ['0', '1', '2'].map((digit) => `sha256:${digit.repeat(64)}`);
const names = Array.from({ length: 5 }, (_, index) => `app-${index}`);

/** 200 and more spellings of five images, with three references for each. */
const mirrored = names.flatMap((name) => [
  ...spellingsOf(name, 'latest', digests[0] ?? ''),
  ...spellingsOf(name, '1.27', digests[1] ?? ''),
  `${registry}/demo/docker.io/library/${name}:1.27`,
  `Docker.IO/library/${name}:1.27`,
]);

/** References of other hosts, in the folder `held` of their host. */
const elsewhere = spellings.flatMap(([written, normalized]) => {
  if (normalized.startsWith('docker.io/') || normalized.includes('sha512:')) return [];
  const held = (text: string): string => text.replace('/', '/held/');
  return [[held(written), parseReference(held(normalized))] as const];
});

/** Names that ECR does not allow get other ones there. */
const map = Object.fromEntries(
  elsewhere.flatMap(([, reference], index) =>
    /\[|__/.test(repositoryOf(reference)) ? [[repositoryOf(reference), `mapped/app-${index}`]] : [],
  ),
);

const config = configSchema.parse({
  project: 'demo',
  aws: { region: 'eu-west-1' },
  images: { exclude: ['excluded/*'], map },
});

const lists = imageLists(
  [
    ...names.map((name) => ({
      path: `demo/docker.io/library/${name}`,
      versions: [':latest', ':1.27', `@${'0'.repeat(12)}`, `@${'1'.repeat(12)}`, `@${'2'.repeat(12)}`],
    })),
    ...elsewhere.map(([, reference]) => {
      const { repository, tag } = ecrName(reference, { project: config.project, map });
      return { path: repository, versions: [versionOf(tag), versionOf(reference.digest ?? tag)] };
    }),
  ],
  registry,
  config,
).objects;

const paths: Readonly<Record<string, string>> = {
  ConfigMap: '/api/v1/namespaces/external-secrets/configmaps',
  Namespace: '/api/v1/namespaces',
  ValidatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};

/** Applied by each case, because the objects have names of their own. */
const applied = (object: KubeObject): Ask => {
  const path = `${paths[object.kind] ?? ''}/${object.metadata.name}?fieldManager=contract&force=true`;
  return () => kube('PATCH', path, object, { type: 'apply' });
};

const home: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'external-secrets' } };

const given: readonly Ask[] = [
  namespace,
  ...[home, ...lists, ...(await warningPolicyObjects(config))].map(applied),
];

const podSpec = (images: readonly string[]): object => ({
  containers: images.map((image, index) => ({ name: `c${index}`, image })),
});

/** The template of a pod with these images, which nothing runs. */
const template =
  (...images: string[]): Ask =>
  ({ name }) =>
    kube('POST', `/api/v1/namespaces/${name}/podtemplates?dryRun=All`, {
      apiVersion: 'v1',
      kind: 'PodTemplate',
      metadata: { name: 'one' },
      template: { metadata: { labels: { app: 'one' } }, spec: podSpec(images) },
    });

const warningOf = (text: string): string =>
  `299 - "Validation failed for ValidatingAdmissionPolicy 'ecr-bootstrap-images' with binding 'ecr-bootstrap-images': ${text}"`;

const missing = (reference: string, short = reference): string =>
  warningOf(`${reference} is not in ECR; run: ecr-bootstrap mirror ${short}`);

/** Exactly these warnings, in any order: the API server evaluates the policy for the lists in no certain order. */
const warned = (...warnings: readonly string[]): Answer => {
  const each = warnings.map((warning) => `(?=.*${warning.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`);
  const { length } = warnings.join(', ');
  return {
    status: 201,
    headers: { warning: new RegExp(`^${each.join('')}.{${length}}$`) },
  };
};

const nginx = missing('docker.io/library/nginx:1.29', 'nginx:1.29');
const batch = (kind: string, spec: object): Ask => {
  const body = { apiVersion: 'batch/v1', kind, metadata: { name: 'one' }, spec };
  return ({ name }) =>
    kube('POST', `/apis/batch/v1/namespaces/${name}/${kind.toLowerCase()}s?dryRun=All`, body);
};
const jobSpec = { template: { spec: { restartPolicy: 'Never', ...podSpec(['nginx:1.29']) } } };

/** References that are in no list, most of them at a host with one. */
const unlisted = spellings.filter(([, normalized]) => !normalized.startsWith('docker.io/'));

/** The warnings of the policy about images that ECR does not have. The policy takes effect after a second. */
export const kubernetesWarningCases: readonly Case[] = [
  {
    name: 'an image that ECR does not have gets a warning with the command that copies it',
    given,
    ask: template('nginx:1.29'),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'images that ECR has get no warning, however they are written',
    given,
    ask: template(...mirrored, 'nginx:1.29'),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'images of other hosts that ECR has get no warning, however they are written',
    given,
    ask: template(...elsewhere.map(([written]) => written), 'nginx:1.29'),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'each of 20 missing images gets its own warning',
    given,
    ask: template(...Array.from({ length: 20 }, (_, index) => `a/b:${index}`)),
    revokes: true,
    answer: warned(
      ...Array.from({ length: 20 }, (_, index) => missing(`docker.io/a/b:${index}`, `a/b:${index}`)),
    ),
  },
  {
    name: 'an image that is missing twice gets one warning',
    given,
    ask: template('nginx:1.29', 'docker.io/library/nginx:1.29'),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'a tag, a digest and a repository that ECR does not have get a warning',
    given,
    ask: template('app-0:2', `app-0:1.27@sha256:${'3'.repeat(64)}`, 'app-9', `${registry}/demo/own:1`),
    revokes: true,
    answer: warned(
      warningOf(
        `${registry}/demo/own:1 is not in ECR; push it, or mirror its source: ecr-bootstrap mirror IMAGE`,
      ),
      missing('docker.io/library/app-0:2', 'app-0:2'),
      ...[`app-0:1.27@sha256:${'3'.repeat(64)}`].map((one) => missing(`docker.io/library/${one}`, one)),
      missing('docker.io/library/app-9:latest', 'app-9:latest'),
    ),
  },
  {
    name: 'the command in a warning keeps a host that its image needs',
    given,
    ask: template('docker.io/localhost/app:1', 'docker.io/a.b/app:1', 'docker.io/team/app:1'),
    revokes: true,
    answer: warned(
      missing('docker.io/localhost/app:1'),
      missing('docker.io/a.b/app:1'),
      missing('docker.io/team/app:1', 'team/app:1'),
    ),
  },
  {
    name: 'texts that are no references, excluded images and other projects of the registry get no warning',
    given,
    ask: template(
      ...misspellings.filter((text) => text.trim() === text && text !== ''),
      ...['excluded/app', 'docker.io/excluded/app:1', `${registry}/other/app:1`, 'nginx:1.29'],
    ),
    revokes: true,
    answer: warned(nginx),
  },
  ...unlisted.map(([written, normalized]): Case => ({
    name: `the warning about ${written.slice(0, 60)} has its whole name`,
    given,
    ask: template(written),
    revokes: true,
    answer: warned(missing(normalized)),
  })),
  {
    name: 'the images of a Job get a warning',
    given,
    ask: batch('Job', jobSpec),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'the images of a CronJob get a warning',
    given,
    ask: batch('CronJob', { schedule: '0 * * * *', jobTemplate: { spec: jobSpec } }),
    revokes: true,
    answer: warned(nginx),
  },
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map((kind): Case => {
    const labels = { app: 'one' };
    const body = {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: 'one' },
      spec: {
        ...(kind === 'StatefulSet' ? { serviceName: 'one' } : {}),
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(['nginx:1.29']) },
      },
    };
    return {
      name: `the images of a ${kind} get a warning`,
      given,
      ask: ({ name }) =>
        kube('POST', `/apis/apps/v1/namespaces/${name}/${kind.toLowerCase()}s?dryRun=All`, body),
      revokes: true,
      answer: warned(nginx),
    };
  }),
  {
    name: 'the images of a ReplicationController get a warning',
    given,
    ask: ({ name }) =>
      kube('POST', `/api/v1/namespaces/${name}/replicationcontrollers?dryRun=All`, {
        apiVersion: 'v1',
        kind: 'ReplicationController',
        metadata: { name: 'one' },
        spec: { template: { metadata: { labels: { app: 'one' } }, spec: podSpec(['nginx:1.29']) } },
      }),
    revokes: true,
    answer: warned(nginx),
  },
  {
    name: 'the containers and image volumes of a pod get a warning',
    given: [...given, ask('POST', 'serviceaccounts', account('own'))],
    ask: ({ name }) => kube('POST', `/api/v1/namespaces/${name}/pods?dryRun=All`, pod()),
    revokes: true,
    answer: warned(
      ...['c', 'i', 'v'].map((one) => missing(`docker.io/library/${one}:latest`, `${one}:latest`)),
    ),
  },
  {
    name: 'a pod of a controller gets no warning, because its template got it',
    given: [...given, ask('POST', 'serviceaccounts', account('own')), template('nginx:1.29')],
    ask: ({ name }) =>
      kube(
        'POST',
        `/api/v1/namespaces/${name}/pods?dryRun=All`,
        pod({
          ownerReferences: [
            { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'one', uid: 'one', controller: true },
          ],
        }),
      ),
    answer: { status: 201, headers: { warning: undefined } },
  },
];

function pod(metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one', ...metadata },
    spec: {
      serviceAccountName: 'own',
      containers: [{ name: 'c', image: 'c' }],
      initContainers: [{ name: 'i', image: 'i' }],
      volumes: [{ name: 'v', image: { reference: 'v' } }],
    },
  };
}
