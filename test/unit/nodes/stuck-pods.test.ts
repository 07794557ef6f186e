import { describe, expect, it } from 'vitest';
import { ClusterRefusal } from '../../../src/clients/kubernetes/errors.ts';
import type { ClusterPort, DeleteOptions, KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { createInventory } from '../../../src/cluster/inventory.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import { type WantedImage, wantedImages } from '../../../src/images/wanted.ts';
import type { NodesContext, NodesRun } from '../../../src/nodes/context.ts';
import {
  diffStuckPods,
  missedAccess,
  observeStuckPods,
  type PlannedAccess,
  type PodAccess,
  restartPods,
} from '../../../src/nodes/stuck-pods.ts';
import { clusterWith } from '../../support/object-table.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const image = `${registryHost}/demo/web:1`;
const refused = { cause: 'credentials', why: '401 Unauthorized', image } as const;

const pod = (...secrets: string[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:05Z' },
  spec: { imagePullSecrets: secrets.map((name) => ({ name })) },
});

const access = (more: Partial<PodAccess> = {}): PodAccess => ({
  registryHost,
  pullSecret: 'puller',
  isMirrored: false,
  accountSecrets: ['team', 'puller'],
  secretCreated: '2026-01-01T00:00:00Z',
  ...more,
});

describe('what a pod missed', () => {
  it('is the list of its service account, for a pod without pull secrets', () => {
    expect(missedAccess(pod(), refused, access())).toBe('service-account');
  });

  it('is the same for a pod with the earlier list of its service account', () => {
    expect(missedAccess(pod('team'), refused, access())).toBe('service-account');
  });

  it('is nothing for a pod that lists a pull secret of its own', () => {
    expect(missedAccess(pod('own'), refused, access())).toBeUndefined();
  });

  it('is a pull secret that is newer than the pod', () => {
    const newer = access({ secretCreated: '2026-01-01T00:00:06Z' });
    expect(missedAccess(pod('puller'), refused, newer)).toBe('pull-secret');
    expect(
      missedAccess(pod('puller'), refused, access({ secretCreated: '2026-01-01T00:00:05Z' })),
    ).toBeUndefined();
    expect(missedAccess(pod('puller'), refused, access({ secretCreated: undefined }))).toBeUndefined();
  });

  it('is nothing for a pod that fails for another cause than its credentials', () => {
    expect(missedAccess(pod(), { ...refused, cause: 'not-found' }, access())).toBeUndefined();
    expect(missedAccess(pod(), { ...refused, image: 'quay.io/team/web:1' }, access())).toBeUndefined();
  });

  it('is node access if the kubelet tried the registry itself before its node pulled from ECR', () => {
    const failure = {
      cause: 'dns',
      why: 'lookup registry-1.docker.io: no such host',
      image: 'nginx:1',
    } as const;
    expect(missedAccess(pod(), failure, access({ isMirrored: true }))).toBe('node-access');
    expect(missedAccess(pod(), failure, access())).toBeUndefined();
  });

  it('is nothing if the node cannot reach ECR', () => {
    const failure = { cause: 'dns', why: `lookup ${registryHost}: no such host`, image: 'nginx:1' } as const;
    expect(missedAccess(pod(), failure, access({ isMirrored: true }))).toBeUndefined();
  });
});

const object = (apiVersion: string, kind: string, name: string, more: object = {}, namespace?: string) => ({
  apiVersion,
  kind,
  metadata: { name, uid: `${kind} ${name}`, ...(namespace !== undefined && { namespace }) },
  ...more,
});

const unresolved = (upstream: string): string =>
  `failed to pull and unpack image "${upstream}": failed to resolve reference "${upstream}": failed to do request: Head "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host`;

const waiting = (of: string, message: string): object => ({
  name: 'main',
  image: of,
  restartCount: 0,
  state: { waiting: { reason: 'ErrImagePull', message } },
});

interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** A pod of a ReplicaSet whose image cannot be pulled. */
function failingPod(
  of: string,
  message: string,
  {
    status = {},
    owner = { kind: 'ReplicaSet', name: 'web' },
  }: { status?: object; owner?: Owner | 'none' } = {},
): KubeObject {
  const made = object('v1', 'Pod', 'web-1', {}, 'shop');
  return {
    ...made,
    metadata: {
      ...made.metadata,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(owner !== 'none' && {
        ownerReferences: [{ apiVersion: 'v1', uid: 'u', controller: true, ...owner }],
      }),
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: of }] },
    status: { phase: 'Pending', containerStatuses: [waiting(of, message)], ...status },
  };
}

const upstreamPod = (of = 'nginx:1'): KubeObject => failingPod(of, unresolved(of));
const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const node = (labels: Readonly<Record<string, string>> = {}): KubeObject => {
  const made = object('v1', 'Node', 'node-1', {
    status: {
      ...ready,
      nodeInfo: { operatingSystem: 'linux', containerRuntimeVersion: 'containerd://2.2.9' },
    },
  });
  return { ...made, metadata: { ...made.metadata, labels } };
};
const files = object(
  'external-secrets.io/v1',
  'ExternalSecret',
  'node-access',
  { spec: { target: { template: { data: { 'docker.io': '', expires_at: '' } } } } },
  'ecr-bootstrap',
);

/** The agent of node-1. */
const agentPod = (probe: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'agent-1',
    namespace: 'ecr-bootstrap',
    labels: { 'app.kubernetes.io/name': 'node-access' },
  },
  spec: { nodeName: 'node-1' },
  status: {
    phase: 'Running',
    containerStatuses: [
      { name: 'agent', image: 'a', restartCount: 0, ready: true, state: { running: {} } },
      { name: 'probe', image: 'p', restartCount: 0, ...probe },
    ],
  },
});
const pulled = { state: { running: {} } };
const ignored = {
  state: {
    waiting: {
      reason: 'ErrImagePull',
      message: 'failed to do request: Head "https://ecr-bootstrap.invalid/v2/": no such host',
    },
  },
};
const daemonSet = object(
  'apps/v1',
  'DaemonSet',
  'node-access',
  { status: { observedGeneration: 1, updatedNumberScheduled: 1, desiredNumberScheduled: 1 } },
  'ecr-bootstrap',
);

interface Site {
  readonly objects: readonly KubeObject[];
  /** The sources that ECR has, by default all. */
  readonly stored?: (source: string) => boolean;
  /** The sources that no registry has. */
  readonly lost?: readonly string[];
  readonly config?: object;
  readonly cluster?: Partial<ClusterPort>;
}

function contextOf({ objects, stored = () => true, lost = [], config: more = {}, cluster: also }: Site) {
  const config = configSchema.parse({
    project: 'demo',
    aws: { region: 'eu-west-1' },
    nodes: { access: 'on' },
    ...more,
  });
  const cluster = { ...clusterWith(objects), ...also };
  const inventory = createInventory(cluster, config);
  const error = new BootstrapError({
    code: 'image-missing',
    what: 'x',
    why: 'not found',
    hint: 'Correct it.',
  });
  return {
    config,
    cluster,
    inventory,
    clock: { now: () => Date.parse('2026-01-01T01:00:00Z') },
    registryHost: () => Promise.resolve(registryHost),
    platforms: () => Promise.resolve('all'),
    wantedImages: async () =>
      wantedImages({
        naming: { project: 'demo', map: {} },
        registryHost,
        list: [],
        exclude: [],
        workloads: await inventory.imageSources(),
        agent: config.nodes.image,
        pause: [],
      }),
    mirror: {
      presence: (images: readonly WantedImage[]) =>
        Promise.resolve(
          images.map((one) => ({
            image: one,
            missingPlatforms: [],
            unavailablePlatforms: [],
            ...(stored(one.source) && { digest: `sha256:${'a'.repeat(64)}` }),
          })),
        ),
      unavailable: (images: readonly WantedImage[]) =>
        Promise.resolve(
          new Map(images.filter(({ source }) => lost.includes(source)).map((one) => [one, error])),
        ),
    },
  } as unknown as NodesContext;
}

const whole: PlannedAccess = { serviceAccounts: true, nodeAccess: true };
const nginx = 'docker.io/library/nginx:1';
const without = (...sources: string[]) => ({ stored: (source: string) => !sources.includes(source) });
const observe = (site: Site, planned = whole) => observeStuckPods(contextOf(site), planned);

describe('a pod that waits for node access', () => {
  it('is planned in the run that creates node access and copies its image, and is ready only after that', async () => {
    const stuck = await observe({ objects: [node(), upstreamPod()], ...without(nginx) });
    expect(stuck).toMatchObject([{ missed: 'node-access', isReady: false }]);
    expect(diffStuckPods(stuck).changes).toMatchObject([
      { action: 'replace', reason: 'created before its node pulled from ECR' },
    ]);
  });

  it('is ready when its node pulls from ECR, which has its image', async () => {
    const objects = [node(), files, daemonSet, agentPod(pulled), upstreamPod()];
    expect(await observe({ objects })).toMatchObject([{ isReady: true }]);
    expect(await observe({ objects, ...without(nginx) })).toMatchObject([{ isReady: false }]);
    const others = { serviceAccounts: true, nodeAccess: false };
    expect(await observe({ objects }, others)).toMatchObject([{ isReady: true }]);
    expect(await observe({ objects, ...without(nginx) }, others)).toEqual([]);
  });

  it('is not ready before its node pulls the registry of its image from ECR', async () => {
    const objects = [node(), daemonSet, agentPod(pulled), upstreamPod()];
    expect(await observe({ objects })).toMatchObject([{ isReady: false }]);
  });

  it.each<[string, Site, PlannedAccess?]>([
    [
      'its node is not ready, so that no agent starts there',
      { objects: [{ ...node(), status: { nodeInfo: { operatingSystem: 'linux' } } }, upstreamPod()] },
    ],
    ['no source has its image', { objects: [node(), upstreamPod()], lost: [nginx], ...without(nginx) }],
    ['node access is off', { objects: [node(), upstreamPod()], config: { nodes: { access: 'off' } } }],
    [
      'the run leaves node access out',
      { objects: [node(), upstreamPod()] },
      { serviceAccounts: true, nodeAccess: false },
    ],
    [
      'its node is not selected',
      {
        objects: [node(), upstreamPod()],
        config: { nodes: { access: 'on', nodeSelector: { role: 'edge' } } },
      },
    ],
    [
      'its container runtime ignores the files',
      { objects: [node(), files, daemonSet, agentPod(ignored), upstreamPod()] },
    ],
    ['its image has a registry with a port', { objects: [node(), upstreamPod('r.example.com:5000/app:1')] }],
  ])('is left alone if %s', async (_, site, planned) => {
    expect(await observe(site, planned)).toEqual([]);
  });
});

describe('a pod that lacks the pull secret', () => {
  const account = object('v1', 'ServiceAccount', 'default', {}, 'shop');
  const namespace = object('v1', 'Namespace', 'shop');
  const source = 'docker.io/library/web:1';
  const name = `${registryHost}/demo/${source}`;
  const denied = 'failed to pull image "x": 401 Unauthorized';
  const site = (more: Parameters<typeof failingPod>[2] = {}): Site => ({
    objects: [account, namespace, failingPod(name, denied, more)],
  });

  it('is recreated after the step that adds the pull secret to its service account, if that step runs', async () => {
    expect(await observe(site())).toMatchObject([{ missed: 'service-account', isReady: false }]);
    expect(await observe(site(), { ...whole, serviceAccounts: false })).toEqual([]);
  });

  it('is left alone if ECR does not have its image', async () => {
    expect(await observe({ ...site(), stored: () => false })).toEqual([]);
  });

  it.each<[string, Parameters<typeof failingPod>[2]]>([
    ['no controller would create it again', { owner: 'none' }],
    ['its Job counts a deleted pod as a failure', { owner: { kind: 'Job', name: 'report-1' } }],
    [
      'one of its containers runs or has run',
      {
        status: {
          containerStatuses: [
            waiting(name, denied),
            { name: 'b', image: 'b', restartCount: 0, state: { running: {} } },
          ],
        },
      },
    ],
  ])('is listed and kept if %s', async (kept, more) => {
    const stuck = await observe(site(more));
    expect(stuck).toMatchObject([{ kept }]);
    const { changes, findings } = diffStuckPods(stuck);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([
      { code: 'pod-stuck', why: kept, hint: 'Run `ecr-bootstrap why pod/web-1 -n shop`.' },
    ]);
  });

  it.each<[string, object]>([
    ['an init container has ended', { initContainerStatuses: [{ image: 'i', state: { terminated: {} } }] }],
    ['an ephemeral container runs', { ephemeralContainerStatuses: [{ image: 'e', state: { running: {} } }] }],
    [
      'a container ended earlier',
      { containerStatuses: [{ ...waiting(name, denied), lastState: { terminated: {} } }] },
    ],
    ['a container was restarted', { containerStatuses: [{ ...waiting(name, denied), restartCount: 1 }] }],
  ])('has run if %s', async (_, status) => {
    expect(await observe(site({ status }))).toMatchObject([
      { kept: 'one of its containers runs or has run' },
    ]);
  });
});

describe('the restart of a pod', () => {
  const conflict = new ClusterRefusal('conflict', { what: 'could not delete', why: 'it changed' });

  /** Deletes a planned pod in a cluster where reads find these versions of it, one after the other. */
  async function restarted(
    versions: readonly (KubeObject | undefined)[],
    refuse: (attempt: number) => boolean = () => false,
    isReady = true,
  ) {
    const deletions: (DeleteOptions | undefined)[] = [];
    let reads = 0;
    const cluster: Partial<ClusterPort> = {
      list: () => {
        const current = versions[Math.min(reads, versions.length - 1)];
        reads += 1;
        return Promise.resolve(current ? [current] : []);
      },
      delete: (_, options) => {
        deletions.push(options);
        return refuse(deletions.length) ? Promise.reject(conflict) : Promise.resolve();
      },
    };
    const ctx = contextOf({ objects: [], cluster });
    const planned = upstreamPod();
    const { changes } = diffStuckPods([{ pod: planned, missed: 'node-access', isReady }]);
    const run = { ctx, signal: new AbortController().signal, emit: () => undefined } as unknown as NodesRun;
    const [outcome] = await restartPods(changes, run);
    return { outcome, deletions };
  }

  const version = (resourceVersion: string, more: object = {}): KubeObject => {
    const made = upstreamPod();
    return { ...made, metadata: { ...made.metadata, resourceVersion }, ...more };
  };
  const started = version('2', {
    status: { phase: 'Running', containerStatuses: [{ image: 'nginx:1', restartCount: 0, ...pulled }] },
  });

  it('deletes the version that was read, so that a pod that has just started stays', async () => {
    const { outcome, deletions } = await restarted([version('1')]);
    expect(outcome?.result).toBe('done');
    expect(deletions).toEqual([{ uid: 'Pod web-1', resourceVersion: '1' }]);
  });

  it('reads the pod again if it changed, and does not delete it if it has started', async () => {
    const { outcome, deletions } = await restarted([version('1'), started], () => true);
    expect(deletions).toEqual([{ uid: 'Pod web-1', resourceVersion: '1' }]);
    expect(outcome).toMatchObject({ result: 'done', detail: 'it no longer waits' });
  });

  it('deletes its next version if it still waits', async () => {
    const { deletions } = await restarted([version('1'), version('2')], (attempt) => attempt === 1);
    expect(deletions.map((options) => options?.resourceVersion)).toEqual(['1', '2']);
  });

  it('gives up on a pod that changes with each attempt', async () => {
    const { outcome, deletions } = await restarted([version('1')], () => true);
    expect(outcome?.result).toBe('failed');
    expect(deletions).toHaveLength(5);
  });

  it.each<[string, KubeObject | undefined, string]>([
    ['has started since the plan', started, 'it no longer waits'],
    [
      'is being deleted',
      { ...version('2'), metadata: { ...version('2').metadata, deletionTimestamp: 'now' } },
      'it no longer waits',
    ],
    ['starts now', version('2', { status: { phase: 'Pending' } }), 'it no longer waits'],
    [
      'is another pod of that name',
      { ...version('2'), metadata: { ...version('2').metadata, uid: 'other' } },
      'it no longer exists',
    ],
    ['is gone', undefined, 'it no longer exists'],
  ])('deletes nothing if the pod %s', async (_, current, detail) => {
    const { outcome, deletions } = await restarted([current]);
    expect(deletions).toEqual([]);
    expect(outcome).toMatchObject({ result: 'done', detail });
  });

  it('is skipped if the earlier steps did not give the pod access', async () => {
    const { outcome, deletions } = await restarted([version('1')], () => false, false);
    expect([outcome?.result, deletions]).toEqual(['skipped', []]);
  });
});
