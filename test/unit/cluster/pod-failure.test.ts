import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { remedyFor, diagnosePod } from '../../../src/cluster/pod-failure.ts';

const image = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/myproject/external-secrets:v0.12.1';
const prefix = `failed to pull and unpack image "${image}": failed to resolve reference "${image}"`;

const pod = (status: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'external-secrets', uid: 'u1' },
  status,
});

const waiting = (reason: string, message: string, more: object = {}): KubeObject =>
  pod({ containerStatuses: [{ image, restartCount: 0, state: { waiting: { reason, message } }, ...more }] });

describe('the image of a pod failure', () => {
  const withVolume = (message: string, reference: string, own = 'quay.io/team/nginx:1'): KubeObject => ({
    ...waiting('ErrImagePull', message, { image: own }),
    spec: {
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'models', image: { reference } },
      ],
    },
  });

  it.each([
    ['as it is written', 'models:1', 'Back-off pulling image "models:1"'],
    [
      'with the host of Docker Hub',
      'models:1',
      'failed to pull and unpack image "docker.io/library/models:1": x',
    ],
    ['with a tag', 'quay.io/models', 'failed to pull and unpack image "quay.io/models:latest": x'],
  ])('is that of a volume if the message names it %s', (_, reference, message) => {
    expect(diagnosePod(withVolume(message, reference))?.image).toBe(reference);
  });

  it('is that of the container if the message names it, although a volume has a similar one', () => {
    const message = 'failed to pull and unpack image "quay.io/team/nginx:1": x';
    expect(diagnosePod(withVolume(message, 'nginx:1'))?.image).toBe('quay.io/team/nginx:1');
  });
});

describe('the cause of a pod failure', () => {
  it.each(['ImageInspectError', 'RegistryUnavailable', 'SignatureValidationFailed'])(
    'is a pull when the kubelet reports %s',
    (reason) => {
      expect(diagnosePod(waiting(reason, 'x'))).toMatchObject({ cause: 'unknown-pull', image });
    },
  );

  // Messages of containerd, which end with the cause.
  it.each([
    ['dns', 'failed to do request: Head "https://x/v2/": dial tcp: lookup x on 10.0.0.2:53: no such host'],
    ['route', 'failed to do request: Head "https://x/v2/": dial tcp 10.1.2.3:443: i/o timeout'],
    [
      'tls',
      'failed to do request: Head "https://x/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    ['credentials', 'unexpected status from HEAD request to https://x/v2/: 401 Unauthorized'],
    ['credentials', 'unexpected status from HEAD request to https://x/v2/: 403 Forbidden'],
    [
      'credentials',
      'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
    ],
    ['not-found', `${image}: not found`],
    ['disk-full', 'failed to extract layer sha256:403: mkdir /var/lib/containerd/x: no space left on device'],
  ] as const)('is %s when the kubelet says: %s', (cause, message) => {
    expect(diagnosePod(waiting('ErrImagePull', `${prefix}: ${message}`))?.cause).toBe(cause);
  });

  const twice = (cause: string) =>
    `unable to pull image or OCI artifact: pull image err: ${cause}; artifact err: get manifest: ${cause}`;
  const once = (cause: string) => `unable to try pulling possible OCI artifact: build image source: ${cause}`;
  const reading =
    'reading manifest v0.12.1 in 111122223333.dkr.ecr.eu-west-1.amazonaws.com/myproject/external-secrets';
  it.each([
    [
      'dns',
      'pinging container registry x: Get "https://x/v2/": dial tcp: lookup x on 10.0.0.2:53: no such host',
    ],
    ['route', 'pinging container registry x: Get "https://x/v2/": dial tcp 10.1.2.3:443: i/o timeout'],
    ['credentials', `${reading}: authentication required`],
    [
      'credentials',
      `${reading}: denied: Your authorization token has expired. Reauthenticate and try again.`,
    ],
    ['not-found', `${reading}: manifest unknown`],
  ] as const)('is %s when CRI-O says once or twice: %s', (cause, message) => {
    const initializing = `initializing source docker://${image}: ${message}`;
    for (const text of [initializing, once(message), twice(message), twice(initializing)]) {
      const found = diagnosePod(waiting('ErrImagePull', text));
      expect(found).toMatchObject({ cause, why: message });
    }
  });

  it('is the platform when no manifest of the image matches', () => {
    const message = `Back-off pulling image "${image}": ErrImagePull: failed to pull and unpack image "${image}": no match for platform in manifest: not found`;
    expect(diagnosePod(waiting('ImagePullBackOff', message))).toMatchObject({
      cause: 'platform',
      why: 'no match for platform in manifest: not found',
    });
  });

  it('comes from the newest event when the status only reports back-off', () => {
    const event = (message: string, uid = 'u1'): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { uid },
      message,
    });
    const events = [
      event(`Failed to pull image "${image}": ${prefix}: 401 Unauthorized`, 'another pod'),
      event(`Failed to pull image "${image}": ${prefix}: dial tcp: lookup x: no such host`),
      event('Error: ErrImagePull'),
    ];
    const backOff = waiting('ImagePullBackOff', `Back-off pulling image "${image}"`);
    expect(diagnosePod(backOff, events)?.cause).toBe('dns');
    expect(diagnosePod(backOff)?.cause).toBe('unknown-pull');
  });

  it('comes from the newest event regardless of the order of events', () => {
    const event = (message: string, lastTimestamp: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { uid: 'u1' },
      message: `Failed to pull image "${image}": ${prefix}: ${message}`,
      lastTimestamp,
    });
    const events = [
      event('dial tcp: lookup x: no such host', '2026-01-31T10:05:00Z'),
      event('401 Unauthorized', '2026-01-31T10:00:00Z'),
    ];
    const backOff = waiting('ImagePullBackOff', `Back-off pulling image "${image}"`);
    expect(diagnosePod(backOff, events)?.cause).toBe('dns');
  });

  it('is the scheduler when no node accepts the pod', () => {
    const message = '0/1 nodes are available: 1 node(s) had untolerated taint(s).';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    const failure = diagnosePod(pod({ phase: 'Pending', conditions }));
    expect(failure).toEqual({ cause: 'unschedulable', why: message });
    expect(failure && remedyFor(failure, pod({}), 'eu-west-1')).toContain('externalSecrets.tolerations');
  });

  it('is a crash only after several restarts', () => {
    const lastState = { terminated: { exitCode: 1, reason: 'Error' } };
    const crashing = (restartCount: number): KubeObject =>
      waiting('CrashLoopBackOff', 'back-off 40s restarting', { restartCount, lastState });
    expect(diagnosePod(crashing(1))).toBeUndefined();
    expect(diagnosePod(crashing(3))).toEqual({
      cause: 'crash',
      why: 'it exited 4 times, Error, exit code 1',
    });
  });

  describe('that has no container yet', () => {
    const pause = 'registry.k8s.io/pause:3.10.1';
    const creating = waiting('ContainerCreating', '');
    const event = (message: string, more: object = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { uid: 'u1' },
      reason: 'FailedCreatePodSandBox',
      message: `Failed to create pod sandbox: rpc error: code = Unknown desc = ${message}`,
      ...more,
    });
    const upstream = 'dial tcp: lookup registry.k8s.io on 10.0.0.2:53: no such host';
    const ofContainerd = `failed to get sandbox image "${pause}": failed to pull image "${pause}": failed to pull and unpack image "${pause}": failed to resolve reference "${pause}": failed to do request: Head "https://registry.k8s.io/v2/pause/manifests/3.10.1": ${upstream}`;

    it.each([
      ['containerd 2', `failed to start sandbox "4f0": ${ofContainerd}`],
      ['containerd 1.7', ofContainerd],
      [
        'CRI-O',
        `creating pod sandbox with name "k8s_web": initializing source docker://${pause}: pinging container registry registry.k8s.io: Get "https://registry.k8s.io/v2/": ${upstream}`,
      ],
    ])('is the pause image if %s cannot pull it', (_, message) => {
      expect(diagnosePod(creating, [event(message)])).toEqual({
        cause: 'dns',
        why: expect.stringMatching(/no such host$/) as string,
        image: pause,
        isPause: true,
      });
    });

    it.each<[string, KubeObject, KubeObject]>([
      ['the event is about another pod', creating, event(ofContainerd, { involvedObject: { uid: 'u2' } })],
      ['the network plugin fails', creating, event('plugin type="calico" failed (add): timeout')],
      [
        'the pause container runs since then',
        {
          ...creating,
          status: {
            ...(creating['status'] as object),
            conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }],
          },
        },
        event(ofContainerd),
      ],
      ['a container was created', waiting('CreateContainerConfigError', ''), event(ofContainerd)],
      [
        'a container runs',
        pod({ containerStatuses: [{ image, restartCount: 0, state: { running: {} } }] }),
        event(ofContainerd),
      ],
    ])('is not the pause image if %s', (_, failing, warning) => {
      expect(diagnosePod(failing, [warning])).toBeUndefined();
    });

    it('comes with a page that explains how to load the image', () => {
      const failure = diagnosePod(creating, [event(ofContainerd)]);
      const hint = failure && remedyFor(failure, { ...creating, spec: { nodeName: 'node-1' } }, 'eu-west-1');
      expect(hint).toMatch(
        /^Load registry\.k8s\.io\/pause:3\.10\.1 onto node node-1, .*nodes\.md#a-node-joins$/,
      );
    });
  });

  it('is undefined while the pod starts or runs', () => {
    expect(diagnosePod(waiting('ContainerCreating', ''))).toBeUndefined();
    expect(diagnosePod(pod({ phase: 'Running', containerStatuses: [] }))).toBeUndefined();
  });

  it.each(['crash', 'unknown-pull'] as const)('comes with a command for its own pod: %s', (cause) => {
    const shop: KubeObject = { ...pod({}), metadata: { name: 'web-1', namespace: 'shop' } };
    const hint = remedyFor({ cause, why: '' }, shop, 'eu-west-1');
    expect(hint).toContain('-n shop web-1');
    expect(hint).not.toContain('external');
  });

  it('comes with the host names to allow when the network fails', () => {
    const failure = diagnosePod(waiting('ErrImagePull', `${prefix}: dial tcp: lookup x: no such host`));
    const hint = failure && remedyFor(failure, pod({}), 'eu-west-1');
    expect(hint).toContain('111122223333.dkr.ecr.eu-west-1.amazonaws.com');
    expect(hint).toContain('api.ecr.eu-west-1.amazonaws.com');
    expect(hint).toContain('S3');
  });

  it.each([
    ['cn-north-1', 'amazonaws.com.cn'],
    ['eusc-de-east-1', 'amazonaws.eu'],
  ])('comes with host names in the domain of the partition: %s', (region, domain) => {
    const there = `111122223333.dkr.ecr.${region}.${domain}/myproject/external-secrets:v0.12.1`;
    const hint = remedyFor({ cause: 'route', why: 'no route', image: there }, pod({}), region);
    const ends = hint.match(/[\w.*-]+\.amazonaws\.[\w.]*\w/g)?.map((name) => name.split(`${region}.`)[1]);
    expect(ends).toEqual([domain, domain, domain, domain]);
  });
});
