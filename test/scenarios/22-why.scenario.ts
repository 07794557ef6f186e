import { UpdateImageStorageClassCommand, type TargetStorageClass } from '@aws-sdk/client-ecr';
import { ListAccessKeysCommand, type StatusType, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import {
  deleteFromEcr,
  explain,
  imagesInUse,
  namespace,
  referenceInEcr,
  secretValue,
  succeed,
} from './site.ts';
import type { Explained } from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject, World } from './world.ts';

const where = 'puzzle';
const service = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: where, name: 'old' } };

interface Pod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly uid: string };
  readonly status: { readonly phase: string };
}

const why = (world: World, ...args: string[]): Promise<Explained> => explain(world, ...args, '-n', where);

describe('why', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { cluster, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    await cluster.apply(namespace(where));
    await waitFor('its pull secret', () => cluster.get('secret', 'puller', where));
    await waitFor('its service account', () => cluster.get('serviceaccount', 'default', where));
    await succeed(await world, 'up', '--yes');
  });

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', where);
    await succeed(await world, 'up', '--yes');
  });

  const start = async (name: string, image: string, spec: object = {}): Promise<string> =>
    (await world).startPod(where, name, image, spec);

  it('finds a pod that runs healthy', async () => {
    expect(await start('fine', referenceInEcr(await world, 'nginx:1.28'))).toBe('Running');
    await waitFor('health', async () => (await why(await world, 'pod/fine')).code === 0 || undefined);
  });

  it('exits 1 for a pod that is gone', async () => {
    const { code, stderr } = await (await world).run('why', 'pod', 'gone', '-n', where);
    expect(code).toBe(1);
    expect(stderr).toContain('object-missing');
  });

  it('names the tag that ECR does not have', async () => {
    await start('tag', referenceInEcr(await world, 'nginx:0.0.1'));
    expect(await why(await world, 'pod/tag')).toMatchObject({ code: 3, cause: { id: 'tag-missing' } });
  });

  it('names the repository that ECR does not have', async () => {
    await start('repository', referenceInEcr(await world, 'no-such-image:1'));
    expect(await why(await world, 'pod/repository')).toMatchObject({ cause: { id: 'repository-missing' } });
  });

  it('names a pull secret of the pod itself', async () => {
    const image = referenceInEcr(await world, 'redis:8');
    await start('own', image, { ...alwaysPulling(image), imagePullSecrets: [{ name: 'none' }] });
    expect(await why(await world, 'pod/own')).toMatchObject({ cause: { id: 'own-pull-secrets' } });
  });

  it('names the selector of a pod that no node can run', async () => {
    const { cluster } = await world;
    const pod = { containers: [{ name: 'main', image: 'nginx:1.28' }], nodeSelector: { disk: 'none' } };
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: where, name: 'far' },
      spec: pod,
    });
    const found = await waitFor('the scheduler', async () => {
      const explained = await why(await world, 'pod/far');
      return explained.cause?.id === 'unschedulable' ? explained : undefined;
    });
    expect(found.code).toBe(3);
  });

  it('names the pull secrets of a pod that is older than the list of its service account', async () => {
    const { cluster } = await world;
    // `up` would fail for images that no registry has.
    for (const name of ['tag', 'repository']) await cluster.remove('pod', name, where);
    await cluster.apply({
      ...service,
      metadata: { ...service.metadata, labels: { 'ecr-bootstrap.dev/ignore': 'true' } },
    });
    const account = await waitFor('the service account', () => cluster.get('serviceaccount', 'old', where));
    if ('imagePullSecrets' in account) {
      await cluster.patch('serviceaccount', 'old', where, [{ op: 'remove', path: '/imagePullSecrets' }]);
    }
    const labels = { app: 'old' };
    const image = referenceInEcr(await world, 'quay.io/prometheus/node-exporter:v1.9.1');
    const spec = { serviceAccountName: 'old', ...alwaysPulling(image) };
    await cluster.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: where, name: 'old' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    const causeOf = async () => (await why(await world, 'deployment/old')).cause?.id;
    await waitFor('its cause', async () => (await causeOf()) === 'service-account-excluded' || undefined);
    await cluster.patch('serviceaccount', 'old', where, [{ op: 'remove', path: '/metadata/labels' }]);
    await succeed(await world, 'up', '--yes');
    expect(await causeOf()).toBe('created-before-service-account');
  });

  it('is answered by up --restart-stuck, which leaves pods without a controller alone', async () => {
    const { cluster } = await world;
    const before = (await cluster.get<Pod>('pod', 'own', where))?.metadata.uid;
    expect(before).toBeTypeOf('string');
    await succeed(await world, 'up', '--restart-stuck', '--yes');
    await waitFor('the new pod', async () => {
      const pods = await cluster.list<Pod>('pods', where);
      const own = pods.filter(({ metadata }) => metadata.labels?.['app'] === 'old');
      return (own.length > 0 && own.every(({ status }) => status.phase === 'Running')) || undefined;
    });
    expect((await cluster.get<Pod>('pod', 'own', where))?.metadata.uid).toBe(before);
    expect((await why(await world, 'deployment/old')).code).toBe(0);
  });
});

const digest = `sha256:${'a'.repeat(64)}`;
const coredns = 'registry.k8s.io/coredns/coredns:v1.12.1';
const busybox = 'docker.io/library/busybox:1.37';
const settings = {
  ...imagesInUse,
  images: { ...imagesInUse.images, exclude: ['docker.io/team/*'] },
};

/** What prevents a pull, made with the real parts of a world. */
interface Case {
  readonly id: string;
  readonly what: string;
  /** The pod's image. Default: one that ECR has. */
  readonly image?: (world: World) => string;
  readonly container?: object;
  readonly spec?: object;
  readonly break?: (world: World) => Promise<void>;
  readonly repair?: (world: World) => Promise<void>;
  /** Whether only a node that runs containers shows it. */
  readonly runs?: boolean;
}

async function setStorageClass(
  { aws, project }: World,
  targetStorageClass: TargetStorageClass,
): Promise<void> {
  const repositoryName = `${project}/docker.io/library/nginx`;
  const imageId = { imageTag: '1.28' };
  await aws.ecr.send(new UpdateImageStorageClassCommand({ repositoryName, imageId, targetStorageClass }));
}

async function setKeys({ aws: { iam } }: World, Status: StatusType): Promise<void> {
  const { AccessKeyMetadata: keys = [] } = await iam.send(
    new ListAccessKeysCommand({ UserName: 'image-puller' }),
  );
  for (const { AccessKeyId } of keys) {
    await iam.send(new UpdateAccessKeyCommand({ UserName: 'image-puller', AccessKeyId, Status }));
  }
}

const setReplicas = ({ cluster }: World, value: number): Promise<void> =>
  cluster.patch('deployment', 'external-secrets', 'external-secrets', [
    { op: 'replace', path: '/spec/replicas', value },
  ]);

/** Waits until the operator has written the pull secret of the namespace, with a token. */
const pullSecret = async (world: World): Promise<void> => {
  await waitFor('the pull secret', () => secretValue(world, where, 'puller', '.dockerconfigjson'));
};

const withoutPullSecret = ({ cluster }: World) => cluster.remove('secret', 'puller', where);

const repairWithUp = async (world: World): Promise<void> => {
  await succeed(world, 'up', '--yes');
  await pullSecret(world);
};

/** A label of the namespace, as a JSON pointer. */
const ignored = '/metadata/labels/ecr-bootstrap.dev~1ignore';

const cases: readonly Case[] = [
  {
    id: 'digest-missing',
    what: 'a digest that ECR does not have',
    image: (world) => referenceInEcr(world, `nginx@${digest}`),
  },
  {
    id: 'platform-missing',
    what: 'an image that ECR has for another platform',
    image: (world) => referenceInEcr(world, coredns),
    async break(world) {
      const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
      // Other scenarios may have copied all platforms.
      await deleteFromEcr(world, coredns);
      await succeed(world, 'mirror', '--platform', other, coredns);
    },
    repair: (world) => deleteFromEcr(world, coredns),
  },
  {
    id: 'archived',
    what: 'an image that ECR has archived',
    break: (world) => setStorageClass(world, 'ARCHIVE'),
    repair: (world) => setStorageClass(world, 'STANDARD'),
  },
  {
    id: 'image-excluded',
    what: 'an image that images.exclude keeps out of ECR',
    image: (world) => referenceInEcr(world, 'docker.io/team/app:1'),
  },
  { id: 'internet-image', what: 'an image from the internet', image: () => 'ghcr.io/acme/web:2.1' },
  {
    id: 'other-registry',
    what: 'an image in ECR of another account',
    image: ({ registry }) => `${registry.replace(/^\d+/, '999999999999')}/demo/web:1`,
  },
  {
    id: 'registry-alias',
    what: 'an image under another host of ECR',
    image: (world) =>
      referenceInEcr(world, 'nginx:1.28')
        .replace('.dkr.ecr.', '.dkr-ecr.')
        .replace('.amazonaws.com', '.on.aws'),
  },
  { id: 'invalid-name', what: 'a name that is no reference', image: () => 'registry.example.org/Web:1' },
  {
    id: 'never-pull',
    what: 'a pull policy that never pulls',
    image: (world) => referenceInEcr(world, busybox),
    container: { imagePullPolicy: 'Never' },
  },
  {
    id: 'namespace-excluded',
    what: 'a namespace that is excluded by its label',
    async break({ cluster }) {
      await cluster.patch('namespace', where, undefined, [{ op: 'add', path: ignored, value: 'true' }]);
      await waitFor('no pull secret', async () =>
        (await cluster.get('secret', 'puller', where)) ? undefined : true,
      );
    },
    async repair(world) {
      await world.cluster.patch('namespace', where, undefined, [{ op: 'remove', path: ignored }]);
      await pullSecret(world);
    },
  },
  {
    id: 'access-key',
    what: 'a disabled access key',
    break: (world) => setKeys(world, 'Inactive'),
    repair: (world) => setKeys(world, 'Active'),
  },
  {
    id: 'operator',
    what: 'an operator that does not run',
    async break(world) {
      await setReplicas(world, 0);
      await withoutPullSecret(world);
    },
    repair: repairWithUp,
  },
  {
    id: 'distribution',
    what: 'a ClusterExternalSecret that was deleted',
    async break(world) {
      await world.cluster.remove('clusterexternalsecret', 'puller');
      await waitFor('no pull secret', async () =>
        (await world.cluster.get('secret', 'puller', where)) ? undefined : true,
      );
    },
    repair: repairWithUp,
  },
  {
    id: 'pod-waiting',
    what: 'a volume that cannot be mounted',
    container: { volumeMounts: [{ name: 'tls', mountPath: '/tls' }] },
    spec: { volumes: [{ name: 'tls', secret: { secretName: 'none' } }] },
  },
  {
    id: 'crash',
    what: 'a container that crashes',
    image: (world) => referenceInEcr(world, busybox),
    container: { command: ['false'] },
    runs: true,
  },
  {
    id: 'pod-ended',
    what: 'a pod that has failed',
    image: (world) => referenceInEcr(world, busybox),
    container: { command: ['false'] },
    spec: { restartPolicy: 'Never' },
    runs: true,
  },
];

describe('why, for an injected cause,', () => {
  const world = openWorld();

  beforeAll(async () => {
    const { cluster, configure } = await world;
    await configure(settings);
    await succeed(await world, 'up', '--yes');
    await succeed(await world, 'mirror', busybox);
    await cluster.apply(namespace(where));
    await waitFor('its service account', () => cluster.get('serviceaccount', 'default', where));
    await pullSecret(await world);
    await succeed(await world, 'up', '--yes');
  });

  afterAll(async () => {
    await (await world).cluster.remove('namespace', where);
  });
  restoreAfterAll(async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
  });

  const named = cases.filter(({ runs }) => runs !== true || can('node shell'));
  it.each(named)('names $id for $what', async ({ id, image, container, spec, ...injected }) => {
    const opened = await world;
    const { cluster } = opened;
    const name = image?.(opened) ?? referenceInEcr(opened, 'nginx:1.28');
    const main = { name: 'main', image: name, imagePullPolicy: 'Always', ...container };
    await injected.break?.(opened);
    try {
      await cluster.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: where, name: id },
        spec: { terminationGracePeriodSeconds: 0, containers: [main], ...spec },
      });
      let found: Explained | undefined;
      const cause = await waitFor(`the cause ${id}`, async () => {
        found = await why(opened, `pod/${id}`);
        return found.cause?.id === id ? found.cause : undefined;
      }).catch((error: unknown) => {
        throw new Error(`why found ${JSON.stringify(found)}`, { cause: error });
      });
      expect(cause.fix).not.toBe('');
    } finally {
      await cluster.remove('pod', id, where);
      await injected.repair?.(opened);
    }
  });
});
