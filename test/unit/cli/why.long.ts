import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../sandbox/cluster/index.ts';
import type { RunOptions } from '../../support/cli.ts';
import { type Cli, openCli } from '../../support/cli.ts';

const namespace = 'shop';
const digest = `sha256:${'a'.repeat(64)}`;
/** No kubelet runs there, so the status of a pod stays as it is. */
const silentNode = { nodeName: 'gone-1' };

let cli: Cli;
let restore: () => void;
const undos: (() => unknown)[] = [];

beforeAll(async () => {
  cli = await openCli({}, { fast: true, config: 'images:\n  exclude: ["docker.io/team/*"]\n' });
  const { code, stderr } = await cli.run('up --yes');
  expect(code, stderr).toBe(0);
  restore = cli.world.cluster.save();
}, 60_000);
afterAll(() => cli.close());

afterEach(async () => {
  for (const undo of undos.splice(0).reverse()) undo();
  restore();
  await cli.world.cluster.settled();
});

const cluster = () => cli.world.cluster;
const ecr = (image: string): string => `${cli.world.registryHost}/shop/${image}`;
const nginx = (): string => ecr('docker.io/library/nginx:1.27');
const machine = () => cluster().machine('node-1');
const loseImages = () => machine().removeImages(({ reference }) => !reference.path.endsWith('pause'));

interface PodOptions {
  readonly secrets?: readonly string[];
  readonly spec?: object;
  readonly container?: object;
  readonly metadata?: object;
  readonly status?: object;
}

/** Creates a pod as the API server stores it, and waits until its kubelet has tried to start it. */
async function start(image: string, options: PodOptions = {}): Promise<void> {
  const { secrets = ['puller'], spec = {}, container = {}, metadata = {}, status } = options;
  cluster().put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace, ...metadata },
    spec: {
      serviceAccountName: 'default',
      imagePullSecrets: secrets.map((name) => ({ name })),
      containers: [{ name: 'main', image, ...container }],
      ...spec,
    },
    ...(status && { status }),
  });
  await cluster().settled();
}

const waiting = (image: string, reason: string, message: string, more: object = {}) => ({
  phase: 'Pending',
  containerStatuses: [
    { name: 'main', image, ready: false, restartCount: 0, state: { waiting: { reason, message } }, ...more },
  ],
});

/** A pod that its kubelet could not pull, for a cause of the runtime. */
const failing = (image: string, cause: string): PodOptions => ({
  spec: silentNode,
  status: waiting(
    image,
    'ErrImagePull',
    `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${cause}`,
  ),
});

interface Stored extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly status?: object;
  readonly spec?: object;
}

function change(
  kind: string,
  name: string,
  within: string | undefined,
  update: (object: Stored) => object,
): void {
  const object = cluster().get(kind, name, within);
  if (!object) throw new Error(`there is no ${kind} ${name}`);
  cluster().put({ ...object, ...update(object as Stored) });
}

/** Replaces the login of a pull secret. */
function relogin(host: string, password = 'not-a-token', name = 'puller'): void {
  const auth = Buffer.from(`AWS:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [host]: { username: 'AWS', password, auth } } });
  change('Secret', name, namespace, ({ data = {} }) => ({
    data: { ...data, '.dockerconfigjson': Buffer.from(config).toString('base64') },
  }));
}

const ownSecret = (host: string): void => {
  const puller = cluster().get('Secret', 'puller', namespace) as KubeObject;
  cluster().put({
    ...puller,
    metadata: { name: 'own', namespace },
  });
  relogin(host, 'hunter2-hunter2', 'own');
};

/** Reports that the controller of an object could not create a pod. */
function refuseCreation({ kind, metadata: { name, uid } }: KubeObject): void {
  cluster().put({
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: { kind, name, uid },
    type: 'Warning',
    reason: 'FailedCreate',
    message: `create Pod ${name}-0 in ${kind} ${name} failed: exceeded quota: none`,
  });
}

function stopOperator(): void {
  cluster().delete('Deployment', 'external-secrets', 'external-secrets');
}

/** The Secrets Manager secret, user and keys of the image puller. */
const keysOfPuller = () =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name !== 'admin');

interface Case {
  readonly name: string;
  readonly inject: () => Promise<void> | void;
  readonly id: string;
  readonly fix: RegExp;
  readonly args?: string;
  readonly run?: () => RunOptions;
}

const cases: readonly Case[] = [
  {
    name: 'a tag that ECR does not have',
    inject: () => start(ecr('docker.io/library/nginx:9.9')),
    id: 'tag-missing',
    fix: /^Fix the image reference in Pod shop\/web, or exclude the image/,
  },
  {
    name: 'a tag that ECR does not have, through the mirror',
    inject: () => start('nginx:9.9'),
    id: 'tag-missing',
    fix: /^Fix the image reference in Pod shop\/web, or exclude the image/,
  },
  {
    name: 'a digest that ECR does not have',
    inject: () => start(ecr(`docker.io/library/nginx@${digest}`)),
    id: 'digest-missing',
    fix: /^Fix the image reference in Pod shop\/web, or exclude the image/,
  },
  {
    name: 'a tag that only its source has',
    inject: () => {
      cli.world.sources.get('docker.io')?.seed('library/nginx', '1.29');
      return start('nginx:1.29');
    },
    id: 'tag-missing',
    fix: /^ecr-bootstrap mirror docker\.io\/library\/nginx:1\.29$/,
  },
  {
    name: 'a repository that ECR does not have',
    inject: () => start(ecr('docker.io/library/none:1')),
    id: 'repository-missing',
    fix: /^Run `docker login`, .* Fix the image reference in Pod shop\/web/,
  },
  {
    name: 'an image for another platform',
    inject: () => {
      cli.world.aws.registry.seed('shop/docker.io/library/arm', '1', { platforms: ['linux/arm64'] });
      undos.push(() => cli.world.aws.registry.repositories.delete('shop/docker.io/library/arm'));
      return start(ecr('docker.io/library/arm:1'));
    },
    id: 'platform-missing',
    fix: /^ecr-bootstrap mirror --platform cluster docker\.io\/library\/arm:1$/,
  },
  {
    name: 'an archived image',
    inject: async () => {
      const repository = cli.world.aws.registry.repositories.get('shop/docker.io/library/nginx');
      repository?.archived.add(repository.tags.get('1.27') ?? '');
      undos.push(() => repository?.archived.clear());
      machine().removeImages();
      await start(nginx());
    },
    id: 'archived',
    fix: /^aws ecr update-image-storage-class .*--target-storage-class STANDARD$/,
  },
  {
    name: 'a ClusterExternalSecret that was deleted',
    inject: async () => {
      cluster().delete('ClusterExternalSecret', 'puller');
      await cluster().settled();
      await start(nginx());
    },
    id: 'distribution',
    fix: /^ecr-bootstrap up$/,
  },
  {
    name: 'a namespace that rejects its copy',
    inject: async () => {
      cluster().put({
        kind: 'ResourceQuota',
        metadata: { name: 'none', namespace },
        spec: { hard: { secrets: '0' } },
      });
      await cluster().settled();
      cluster().delete('Secret', 'puller', namespace);
      await cluster().settled();
      await start(nginx());
    },
    id: 'distribution',
    fix: /kubectl -n shop describe quota/,
  },
  {
    name: 'an operator that does not run',
    inject: async () => {
      stopOperator();
      cluster().delete('Secret', 'puller', namespace);
      await start(nginx());
    },
    id: 'operator',
    fix: /^ecr-bootstrap up$/,
  },
  {
    name: 'a disabled access key',
    inject: async () => {
      for (const key of keysOfPuller()) {
        key.active = false;
        undos.push(() => (key.active = true));
      }
      await start(nginx());
    },
    id: 'access-key',
    fix: /^ecr-bootstrap up$/,
  },
  {
    name: 'a deleted access key',
    inject: async () => {
      for (const key of keysOfPuller()) {
        cli.world.aws.identities.keys.delete(key.id);
        undos.push(() => cli.world.aws.identities.keys.set(key.id, key));
      }
      await start(nginx());
    },
    id: 'access-key',
    fix: /^ecr-bootstrap up$/,
  },
  {
    name: 'own pull secrets of another registry',
    inject: async () => {
      ownSecret('registry.example.com');
      await start(nginx(), { secrets: ['own'] });
    },
    id: 'own-pull-secrets',
    fix: /get pod web -o yaml >web\.yaml\. Add puller to imagePullSecrets, or remove that list there, then run: kubectl replace --force -f web\.yaml$/,
  },
  {
    name: 'own pull secrets that do not exist',
    inject: () => start(nginx(), { secrets: ['none'] }),
    id: 'own-pull-secrets',
    fix: /kubectl replace --force -f web\.yaml$/,
  },
  {
    name: 'a service account that does not list the pull secret',
    inject: async () => {
      change('ServiceAccount', 'default', namespace, () => ({ imagePullSecrets: [] }));
      await start(nginx(), { secrets: [] });
    },
    id: 'service-account-unlisted',
    fix: /^ecr-bootstrap up --only service-accounts$/,
  },
  {
    name: 'a service account that is excluded',
    inject: async () => {
      change('ServiceAccount', 'default', namespace, ({ metadata }) => ({
        imagePullSecrets: [],
        metadata: { ...metadata, labels: { 'ecr-bootstrap.dev/ignore': 'true' } },
      }));
      await start(nginx(), { secrets: [] });
    },
    id: 'service-account-excluded',
    fix: /kubectl -n shop edit serviceaccount default$/,
  },
  {
    name: 'a pod that is older than the list of its service account',
    inject: () => start(nginx(), { secrets: [] }),
    id: 'created-before-service-account',
    fix: /^kubectl -n shop get pod web -o yaml \| kubectl replace --force -f -$/,
  },
  {
    name: 'a pod that is older than its pull secret',
    inject: async () => {
      await start(
        nginx(),
        failing(nginx(), 'unexpected status from HEAD request to https://x/v2/: 401 Unauthorized'),
      );
      cli.world.clock.advance(5000);
      cluster().delete('Secret', 'puller', namespace);
      await cluster().settled();
    },
    id: 'created-before-pull-secret',
    fix: /kubectl replace --force/,
  },
  {
    name: 'a namespace that is excluded by its label',
    inject: async () => {
      change('Namespace', namespace, undefined, ({ metadata }) => ({
        metadata: { ...metadata, labels: { ...metadata.labels, 'ecr-bootstrap.dev/ignore': 'true' } },
      }));
      await cluster().settled();
      await start(nginx());
    },
    id: 'namespace-excluded',
    fix: /^kubectl label namespace shop ecr-bootstrap\.dev\/ignore-$/,
  },
  {
    name: 'ECR of another account',
    inject: () => start('999999999999.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1'),
    id: 'other-registry',
    fix: /^kubectl -n shop set image pod\/web main=123456789012\.dkr\.ecr\.eu-west-1\.amazonaws\.com\/shop\/web:1$/,
  },
  {
    name: 'another host of this registry',
    inject: () => start('123456789012.dkr-ecr.eu-west-1.on.aws/shop/docker.io/library/nginx:1.27'),
    id: 'registry-alias',
    fix: /^kubectl -n shop set image pod\/web main=123456789012\.dkr\.ecr\.eu-west-1\.amazonaws\.com\//,
  },
  {
    name: 'a registry of which no source has an image',
    inject: () => start('ghcr.io/acme/web:2.1'),
    id: 'host-not-mirrored',
    fix: /^Fix the image reference in Pod shop\/web, .* Then run: ecr-bootstrap up$/,
  },
  {
    name: 'a registry that up does not know yet',
    inject: () => start('quay.io/team/app:1', failing('quay.io/team/app:1', 'lookup quay.io: no such host')),
    id: 'host-not-mirrored',
    fix: /^ecr-bootstrap up$/,
    run: () => {
      cli.world.sources.get('quay.io')?.seed('team/app', '1');
      return {};
    },
  },
  {
    name: 'a pause image that ECR does not have',
    inject: async () => {
      const repository = cli.world.aws.registry.repositories.get('shop/registry.k8s.io/pause');
      const tags = new Map(repository?.tags);
      repository?.tags.clear();
      undos.push(() => tags.forEach((stored, tag) => repository?.tags.set(tag, stored)));
      machine().removeImages();
      await start(nginx());
    },
    id: 'pause-image',
    fix: /^ecr-bootstrap mirror registry\.k8s\.io\/pause:3\.10\.1$/,
  },
  {
    name: 'an image that images.exclude keeps out of ECR',
    inject: () => start('team/app:1'),
    id: 'image-excluded',
    fix: /^Remove it from images\.exclude, then run: ecr-bootstrap mirror docker\.io\/team\/app:1$/,
  },
  {
    name: 'the name of an image that is not valid',
    inject: () =>
      start('Not An Image', {
        spec: silentNode,
        status: waiting('Not An Image', 'InvalidImageName', 'couldn\'t parse image name "Not An Image"'),
      }),
    id: 'invalid-name',
    fix: /kubectl -n shop edit pod web$/,
  },
  {
    name: 'imagePullPolicy Never',
    inject: () => start(ecr('docker.io/library/nginx:1.27'), { container: { imagePullPolicy: 'Never' } }),
    id: 'never-pull',
    fix: /Set imagePullPolicy: IfNotPresent there, then run: kubectl replace --force -f web\.yaml$/,
  },
  {
    name: 'DNS without the name of the registry',
    inject: () =>
      start(
        nginx(),
        failing(
          nginx(),
          `failed to do request: Head "https://${cli.world.registryHost}/v2/": dial tcp: lookup ${cli.world.registryHost}: no such host`,
        ),
      ),
    id: 'dns',
    fix: /ecr\.dkr/,
  },
  {
    name: 'a firewall before the registry',
    inject: () =>
      start(
        nginx(),
        failing(
          nginx(),
          `failed to do request: Head "https://${cli.world.registryHost}/v2/": dial tcp 10.1.2.3:443: i/o timeout`,
        ),
      ),
    id: 'route',
    fix: /port 443/,
  },
  {
    name: 'a proxy with its own certificate',
    inject: () =>
      start(
        nginx(),
        failing(
          nginx(),
          `failed to do request: Head "https://${cli.world.registryHost}/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
        ),
      ),
    id: 'tls',
    fix: /certificate authority/,
  },
  {
    name: 'a disk that is full',
    inject: () => start(nginx(), failing(nginx(), 'mkdir /var/lib/containerd/x: no space left on device')),
    id: 'disk-full',
    fix: /^kubectl describe node gone-1$/,
  },
  {
    name: 'a pod that was evicted',
    inject: () =>
      start(nginx(), {
        spec: silentNode,
        status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      }),
    id: 'pod-ended',
    fix: /^kubectl -n shop describe pod web$/,
  },
  {
    name: 'a pod that no node can run',
    inject: () => start(nginx(), { spec: { nodeSelector: { disk: 'ssd' } } }),
    id: 'unschedulable',
    fix: /^kubectl -n shop describe pod web$/,
  },
  {
    name: 'a node that is not ready',
    inject: async () => {
      change('Node', 'node-1', undefined, ({ status }) => ({
        status: {
          ...status,
          conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }],
        },
      }));
      await start(nginx(), { spec: { nodeName: 'node-1' } });
    },
    id: 'node-not-ready',
    fix: /^kubectl describe node node-1$/,
  },
  {
    name: 'a container that crashes',
    inject: () =>
      start(nginx(), {
        spec: silentNode,
        status: waiting(nginx(), 'CrashLoopBackOff', 'back-off 10s restarting failed container', {
          restartCount: 5,
          lastState: { terminated: { exitCode: 1, reason: 'Error' } },
        }),
      }),
    id: 'crash',
    fix: /^kubectl -n shop logs web --all-containers --previous$/,
  },
  {
    name: 'a volume that cannot be mounted',
    inject: () =>
      start(nginx(), {
        spec: { volumes: [{ name: 'tls', secret: { secretName: 'none' } }] },
        container: { volumeMounts: [{ name: 'tls', mountPath: '/tls' }] },
      }),
    id: 'pod-waiting',
    fix: /^kubectl -n shop describe pod web$/,
  },
  {
    name: 'a static pod with a name in ECR',
    inject: () =>
      start(nginx(), { secrets: [], metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    id: 'static-pod',
    fix: /^Use docker\.io\/library\/nginx:1\.27 in the manifest on the node/,
  },
  {
    name: 'a node whose runtime ignores the mirror',
    inject: async () => {
      machine().setReadsMirrors(false);
      for (const { metadata } of cluster().list('Pod', 'ecr-bootstrap')) {
        cluster().delete('Pod', metadata.name, 'ecr-bootstrap');
      }
      loseImages();
      await cluster().settled();
      await start('nginx:1.27');
    },
    id: 'mirror-ignored',
    fix: /systemctl restart containerd/,
  },
  {
    name: 'a hosts.toml of another program',
    inject: async () => {
      const path = '/etc/containerd/certs.d/docker.io/hosts.toml';
      machine().writeFile(path, 'server = "https://mirror.example.com"\n');
      await cluster().settled();
      cli.world.clock.advance(180_000);
      await cluster().settled();
      loseImages();
      await start('nginx:1.27');
    },
    id: 'files-of-others',
    fix: /^Delete this file on the node/,
  },
  {
    name: 'an agent that was deleted with its files',
    inject: async () => {
      cluster().delete('DaemonSet', 'node-access', 'ecr-bootstrap');
      await cluster().settled();
      for (const path of Object.keys(machine().files)) machine().removeFile(path);
      loseImages();
      await start('nginx:1.27');
    },
    id: 'agent-not-ready',
    fix: /ecr-bootstrap (up|status)/,
  },
  {
    name: 'a node that the configuration does not select',
    inject: () =>
      start('nginx:1.27', failing('nginx:1.27', 'dial tcp: lookup registry-1.docker.io: no such host')),
    args: 'pod/web -n shop',
    run: () => {
      const file = join(cli.folder, 'selecting.yaml');
      writeFileSync(file, 'nodes:\n  nodeSelector: { role: edge }\n');
      change('Pod', 'web', namespace, ({ spec }) => ({
        spec: { ...spec, nodeName: 'node-1' },
      }));
      return { env: { ECR_BOOTSTRAP_CONFIG: file } };
    },
    id: 'node-without-agent',
    fix: /nodes\.nodeSelector/,
  },
  {
    name: 'a Deployment that may not create pods',
    inject: async () => {
      const labels = { app: 'refused' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: nginx() }] } };
      const message = 'pods "refused-1-x" is forbidden: exceeded quota: none';
      cluster().put({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'refused', namespace },
        spec: { replicas: 0, selector: { matchLabels: labels }, template },
        status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] },
      });
      await cluster().settled();
    },
    args: 'deployment/refused -n shop',
    id: 'pods-refused',
    fix: /^kubectl -n shop describe deployment refused$/,
  },
  {
    name: 'a StatefulSet that may not create pods, by its events',
    inject: () => {
      const labels = { app: 'refused' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: nginx() }] } };
      const selector = { matchLabels: { app: 'none' } };
      refuseCreation(
        cluster().put({
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          metadata: { name: 'refused', namespace },
          spec: { replicas: 1, selector, template },
        }),
      );
    },
    args: 'statefulset/refused -n shop',
    id: 'pods-refused',
    fix: /^kubectl -n shop describe statefulset refused$/,
  },
  {
    name: 'a missing image of a volume, which the kubelet reports with a container',
    inject: () => {
      const failed = failing(nginx(), 'not found');
      const volume = ecr('docker.io/library/nginx:9.9');
      return start(nginx(), {
        spec: { ...silentNode, volumes: [{ name: 'models', image: { reference: volume } }] },
        status: JSON.parse(
          JSON.stringify(failed.status).replaceAll('nginx:1.27\\"', 'nginx:9.9\\"'),
        ) as object,
      });
    },
    id: 'tag-missing',
    fix: /^Fix the image reference in Pod shop\/web/,
  },
  {
    name: 'an image for another platform that no pod uses',
    inject: () => {
      cli.world.aws.registry.seed('shop/docker.io/library/arm', '2', { platforms: ['linux/arm64'] });
      undos.push(() => cli.world.aws.registry.repositories.delete('shop/docker.io/library/arm'));
    },
    args: 'arm:2',
    id: 'platform-missing',
    fix: /^ecr-bootstrap mirror --platform cluster docker\.io\/library\/arm:2$/,
  },
  {
    name: 'an image that was never copied',
    inject: () => {
      cli.world.sources.get('docker.io')?.seed('library/redis', '8');
    },
    args: 'redis:8',
    id: 'repository-missing',
    fix: /^ecr-bootstrap mirror docker\.io\/library\/redis:8$/,
  },
  ...['ReplicationController', 'PodTemplate'].map((kind): Case => ({
    name: `the template of a ${kind}`,
    inject: () => {
      const template = {
        spec: { containers: [{ name: 'main', image: ecr('docker.io/library/nginx:9.9') }] },
      };
      const metadata = { name: 'old', namespace };
      cluster().put({
        ...{ apiVersion: 'v1', kind, metadata },
        ...(kind === 'PodTemplate' ? { template } : { spec: { replicas: 0, template } }),
      });
    },
    args: `${kind.toLowerCase()}/old -n shop`,
    id: 'tag-missing',
    fix: new RegExp(`^Fix the image reference in ${kind} shop/old`),
  })),
];

/** The longest line of prose. Commands are not wrapped. */
const widthOf = (printed: string): number =>
  Math.max(
    ...printed
      .split('\n')
      .filter((line) => !/kubectl|ecr-bootstrap|aws |docker /.test(line))
      .map((line) => line.length),
  );

describe('why', () => {
  it.each(cases)('names $id first for $name', async ({ inject, args = 'pod/web -n shop', id, fix, run }) => {
    await inject();
    const { code, stdout, document } = await cli.json(`why ${args}`, run?.());
    const { cause, verdict } = (document['why'] ?? {}) as {
      verdict?: string;
      cause?: { id: string; fix: string };
    };
    expect(cause?.id, stdout).toBe(id);
    expect(cause?.fix).toMatch(fix);
    expect([code, verdict]).toEqual([3, 'cause-found']);
    const printed = await cli.run(`why ${args}`, { ...run?.(), columns: 80 });
    expect([printed.code, widthOf(printed.stdout) <= 80], printed.stdout).toEqual([3, true]);
  });

  it.each(['pod/web -n shop', 'po web -n shop'])('exits 1 for %s, which is gone', async (args) => {
    const { code, document } = await cli.json(`why ${args}`);
    expect([code, document.error?.code]).toEqual([1, 'object-missing']);
  });

  it('reports a cluster that is unreachable, and not that the pod is gone', async () => {
    undos.push(cli.world.faults.plan({ kind: 'reset', service: 'kubernetes' }));
    const { code, document } = await cli.json('why pod/web -n shop');
    expect(code).not.toBe(0);
    expect(document.error?.code).toBe('cluster-unreachable');
  });

  it.each(['pod/web -n shop', 'deployment/web -n shop', 'nginx:1.27', 'node/node-1'])(
    'is healthy for %s',
    async (args) => {
      await start(nginx());
      expect((await cli.run(`why ${args}`)).code).toBe(0);
    },
  );

  it('is healthy for a controller that wants no pods, although creating one was refused before', async () => {
    const template = { metadata: {}, spec: { containers: [{ name: 'main', image: nginx() }] } };
    const metadata = { name: 'idle', namespace };
    const spec = { replicas: 0, template };
    refuseCreation(cluster().put({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec }));
    const { code, stdout } = await cli.run('why statefulset/idle -n shop');
    expect(code, stdout).toBe(0);
  });

  it('is the refused pod of a Job for its CronJob, unless that is suspended', async () => {
    const template = { spec: { containers: [{ name: 'main', image: nginx() }] } };
    const spec = { schedule: '0 0 1 1 *', jobTemplate: { spec: { template } } };
    const metadata = { name: 'report', namespace };
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata };
    cluster().put({ ...cronJob, spec });
    refuseCreation({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'report-2-1', namespace, uid: 'a' },
    });
    expect((await cli.run('why cronjob/report -n shop')).code).toBe(0);
    refuseCreation({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'report-1', namespace, uid: 'b' },
    });
    const { code, stdout } = await cli.run('why cronjob/report -n shop');
    expect([code, stdout]).toEqual([3, expect.stringContaining('could not create a pod') as string]);
    cluster().put({ ...cronJob, spec: { ...spec, suspend: true } });
    expect((await cli.run('why cronjob/report -n shop')).code).toBe(0);
  });

  it('is a refused rollout although an earlier pod runs', async () => {
    const template = { metadata: {}, spec: { containers: [{ name: 'main', image: nginx() }] } };
    const [web] = cluster()
      .list('Deployment')
      .filter(({ metadata }) => metadata.name === 'web');
    if (!web) throw new Error('the sandbox has Deployment web');
    expect((await cli.run('why deployment/web -n shop')).code).toBe(0);
    const condition = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: none' };
    cluster().put({
      ...web,
      spec: { ...(web['spec'] as object), template },
      status: { conditions: [condition] },
    });
    expect((await cli.run('why deployment/web -n shop')).code).toBe(3);
  });

  it('takes the platform that a template selects, and all platforms only of a copy', async () => {
    const image = ecr('own/app:1');
    cli.world.aws.registry.seed('shop/own/app', '1', { platforms: ['linux/arm64'] });
    undos.push(() => cli.world.aws.registry.repositories.delete('shop/own/app'));
    const spec = { containers: [{ name: 'main', image }] };
    const put = (more: object) =>
      cluster().put({
        apiVersion: 'v1',
        kind: 'PodTemplate',
        metadata: { name: 'own', namespace },
        template: { spec: { ...spec, ...more } },
      });
    put({});
    expect((await cli.run('why podtemplate/own -n shop')).code).toBe(0);
    put({ nodeSelector: { 'kubernetes.io/arch': 'arm64' } });
    expect((await cli.run('why podtemplate/own -n shop')).code).toBe(0);
    put({ nodeSelector: { 'kubernetes.io/arch': 'amd64' } });
    const { code, stdout } = await cli.run('why podtemplate/own -n shop');
    expect([code, stdout]).toEqual([3, expect.stringContaining('Push it for this platform too') as string]);
  });

  it('is unknown, and not healthy, if nothing wrong was found but not all could be checked', async () => {
    undos.push(cli.world.faults.plan({ kind: 'deny', service: 'ecr', operation: 'DescribeRepositories' }));
    const { code, stdout, document } = await cli.json('why nginx:9.9');
    expect(document['why'], stdout).toMatchObject({ verdict: 'unknown' });
    expect(code).toBe(1);
    const printed = await cli.run('why nginx:9.9');
    expect(printed.stdout).toContain('docker.io/library/nginx:9.9: could not be checked');
  });

  it('does not claim that a node has no agent if nodes could not be read', async () => {
    await start('nginx:1.27');
    undos.push(cli.world.faults.plan({ kind: 'deny', service: 'kubernetes', operation: 'list nodes' }));
    undos.push(cli.world.faults.plan({ kind: 'deny', service: 'kubernetes', operation: 'get nodes' }));
    const { stdout } = await cli.run('why pod/web -n shop');
    expect(stdout).toMatch(/\? Mirror +not checked: /);
    expect(stdout).not.toContain('has no agent');
  });

  it('is healthy for the agent of ecr-bootstrap itself', async () => {
    const { code, stdout } = await cli.run('why ds/node-access -n ecr-bootstrap');
    expect(code, stdout).toBe(0);
    expect(stdout).not.toContain('could not be pulled again');
  });

  it('explains the spelling that the workload uses, and not the one of the question', async () => {
    const { stdout, code } = await cli.run(
      'why 123456789012.dkr-ecr.eu-west-1.on.aws/shop/docker.io/library/nginx:1.27',
    );
    expect(stdout).not.toContain('does not cover');
    expect(code, stdout).toBe(0);
  });

  it('works on without a read that is denied, and says so', async () => {
    await start(ecr('docker.io/library/nginx:9.9'));
    undos.push(
      cli.world.faults.plan({ kind: 'deny', service: 'kubernetes', operation: 'list serviceaccounts' }),
    );
    const { code, stdout } = await cli.run('why pod/web -n shop');
    expect(code).toBe(3);
    expect(stdout).toContain('ECR does not have the tag 9.9');
    expect(stdout).toMatch(/\? Pull secret +not checked: /);
  });

  it('fits the screen, and makes what the kubelet said printable', async () => {
    await start(nginx(), failing(nginx(), `odd \u001b[31m ${'reason '.repeat(60)}`));
    const { stdout } = await cli.run('why pod/web -n shop', { columns: 80 });
    expect(stdout).not.toContain('\u001b');
    expect(widthOf(stdout)).toBeLessThanOrEqual(80);
  });
});
