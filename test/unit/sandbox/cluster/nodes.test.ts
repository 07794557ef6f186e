import { afterEach, describe, expect, it } from 'vitest';
import type { ClusterOptions } from '../../../../sandbox/cluster/index.ts';
import type { Node } from '../../../../sandbox/cluster/node-machine.ts';
import type { Pod } from '../../../../sandbox/cluster/pods.ts';
import { startCluster, type TestCluster } from './support.ts';

const ecr = 'ecr.example';
const folder = '/etc/containerd/certs.d';
const link = `${folder}:/etc/docker/certs.d`;
const hour = 3600;

let test: TestCluster;
afterEach(() => test.close());

async function start(options: Partial<ClusterOptions> = {}): Promise<void> {
  test = await startCluster(options);
  await test.cluster.settled();
}

const machine = (name = 'node-1') => test.cluster.machine(name);
const file = (host: string) => `${folder}/${host}/hosts.toml`;
const fileText = (host: string, token = 'one') =>
  [
    '# managed by ecr-bootstrap demo',
    `server = "https://${ecr}/v2/demo/${host}"`,
    'override_path = true',
    'capabilities = ["pull", "resolve"]',
    '[header]',
    `Authorization = "Basic ${token}"`,
    '',
  ].join('\n');

/** Makes a node pull the images of a host from ECR. */
function mirror(host: string, token?: string): void {
  machine().writeFile(file(host), fileText(host, token));
  machine().link(link, folder);
}

async function runPod(name: string, spec: object): Promise<Pod> {
  await test.request('POST', '/api/v1/namespaces/shop/pods', { body: { metadata: { name }, spec } });
  return podNamed(name);
}

async function podNamed(name: string, namespace = 'shop'): Promise<Pod> {
  await test.cluster.settled();
  return test.cluster.get('Pod', name, namespace) as Pod;
}

const container = (image: string, more: object = {}) => ({ name: 'main', image, ...more });
const stateOf = ({ status }: Pod) => status?.containerStatuses?.[0]?.state;
const reported = (name = 'node-1') =>
  ((test.cluster.get('Node', name) as Node).status?.images ?? []).flatMap(({ names = [] }) => names);

/** Lets a failed pull be retried. */
async function retry(): Promise<void> {
  test.clock.advance(1000);
  await test.cluster.settled();
}

describe('the images of a node', () => {
  it('include those of a kubeadm node with pause, by digest and by tag', async () => {
    await start();
    expect(reported()).toEqual(
      expect.arrayContaining([
        'registry.k8s.io/pause:3.10.1',
        expect.stringMatching(/^registry\.k8s\.io\/pause@sha256:[0-9a-f]{64}$/),
        'docker.io/library/nginx:1.27',
      ]),
    );
  });

  it('include an image that a pod pulled, which is not pulled again', async () => {
    await start();
    await runPod('a', { containers: [container('registry.example/a:1')] });
    expect(reported()).toContain('registry.example/a:1');
    test.pulls.results.set('registry.example/a:1', 'not-found');
    expect((await runPod('b', { containers: [container('registry.example/a:1')] })).status?.phase).toBe(
      'Running',
    );
  });

  it('are pulled in spite of that with the pull policy Always', async () => {
    await start();
    test.pulls.results.set('docker.io/library/nginx:1.27', 'not-found');
    const pod = await runPod('a', { containers: [container('nginx:1.27', { imagePullPolicy: 'Always' })] });
    expect(stateOf(pod)?.waiting?.reason).toBe('ErrImagePull');
  });

  it('can be used since 1.35 only with a secret that they were pulled with', async () => {
    await start();
    for (const name of ['one', 'two']) {
      const config = JSON.stringify({ auths: { [ecr]: { auth: name } } });
      const data = { '.dockerconfigjson': Buffer.from(config).toString('base64') };
      const type = 'kubernetes.io/dockerconfigjson';
      test.cluster.put({ kind: 'Secret', metadata: { name, namespace: 'shop' }, type, data });
    }
    const spec = (secret: string) => ({
      imagePullSecrets: [{ name: secret }],
      containers: [container(`${ecr}/demo/a:1`)],
    });
    await runPod('a', spec('one'));
    test.pulls.results.set(`${ecr}/demo/a:1`, 'unauthorized');
    expect((await runPod('b', spec('one'))).status?.phase).toBe('Running');
    expect(stateOf(await runPod('c', spec('two')))?.waiting?.reason).toBe('ErrImagePull');
  });

  it('are pulled again after all were removed, pause before any other', async () => {
    await start();
    machine().removeImages();
    test.pulls.results.set('registry.k8s.io/pause:3.10.1', 'no-route');
    const pod = await runPod('a', { containers: [container('registry.example/a:1')] });
    expect(stateOf(pod)?.waiting?.reason).toBe('ContainerCreating');
    const events = test.cluster.list('Event', 'shop').map((event) => String(event['message']));
    expect(events.join()).toContain('failed to get sandbox image "registry.k8s.io/pause:3.10.1"');
    test.pulls.results.delete('registry.k8s.io/pause:3.10.1');
    await retry();
    expect((await podNamed('a')).status?.phase).toBe('Running');
  });
});

describe('a pull through a mirror', () => {
  it('goes to the server of the file with its header, and keeps the public name', async () => {
    await start();
    mirror('docker.io');
    const pod = await runPod('a', { containers: [container('redis:8')] });
    expect(pod.status?.phase).toBe('Running');
    expect(test.pulls.headers.get(`${ecr}/demo/docker.io/library/redis:8`)).toBe('Basic one');
    expect(reported()).toContain('docker.io/library/redis:8');
  });

  it.each([
    [
      403,
      `unexpected status from HEAD request to https://${ecr}/v2/demo/docker.io/library/redis/manifests/8?ns=docker.io: 403 Forbidden`,
    ],
    [404, 'docker.io/library/redis:8: not found'],
    [401, 'authorization failed: no basic auth credentials'],
  ])(
    'fails with the error of containerd after HTTP %d, and never asks the upstream host',
    async (status, message) => {
      await start();
      mirror('docker.io');
      test.pulls.statuses.set(`${ecr}/demo/docker.io/library/redis:8`, status);
      const pod = await runPod('a', { containers: [container('redis:8')] });
      expect(stateOf(pod)?.waiting?.message).toContain(message);
      expect(stateOf(pod)?.waiting?.message).toContain(
        'failed to resolve reference "docker.io/library/redis:8"',
      );
      expect(test.pulls.configs.size).toBe(0);
    },
  );

  it.each([
    ['without the link of the default configuration', () => machine().removeFile(link), 'containerd://2.2.9'],
    ['with containerd 1.7 without configuration', () => undefined, 'containerd://1.7.27'],
    ['with CRI-O', () => undefined, 'cri-o://1.34.0'],
    ['when containerd is configured otherwise', () => machine().setReadsMirrors(false), 'containerd://2.2.9'],
    [
      'with a file that is not valid',
      () => machine().writeFile(file('docker.io'), 'server ='),
      'containerd://2.2.9',
    ],
  ])('does not happen %s', async (_, change, containerRuntimeVersion) => {
    await start({ nodes: [{ name: 'node-1', architecture: 'amd64', containerRuntimeVersion }] });
    mirror('docker.io');
    change();
    await runPod('a', { containers: [container('redis:8')] });
    expect([...test.pulls.configs.keys()]).toEqual(['docker.io/library/redis:8']);
    expect(test.pulls.headers.size).toBe(0);
  });

  it('happens with containerd 1.7 that is configured for it', async () => {
    const containerRuntimeVersion = 'containerd://1.7.27';
    await start({
      nodes: [{ name: 'node-1', architecture: 'amd64', containerRuntimeVersion, readsMirrors: true }],
    });
    mirror('docker.io');
    await runPod('a', { containers: [container('redis:8')] });
    expect(test.pulls.configs.size).toBe(0);
  });

  it('uses the hosts of another program in order, then the server', async () => {
    await start();
    machine().link(link, folder);
    const hosts = `server = "https://${ecr}"\n[host."https://cache.local/v2/hub"]\n  override_path = true\n`;
    machine().writeFile(file('docker.io'), hosts);
    test.pulls.statuses.set('cache.local/hub/library/redis:8', 404);
    await runPod('a', { containers: [container('redis:8')] });
    expect([...test.pulls.headers.keys()]).toEqual([
      'cache.local/hub/library/redis:8',
      `${ecr}/library/redis:8`,
    ]);
  });
});

describe('static pods', () => {
  const name = 'kube-apiserver-node-1';

  it('keep running when a client deletes their object, which comes back', async () => {
    await start();
    const before = await podNamed(name, 'kube-system');
    await test.request('DELETE', `/api/v1/namespaces/kube-system/pods/${name}`);
    const after = await podNamed(name, 'kube-system');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(after.status).toEqual(before.status);
  });

  it('end without their manifest, and need their image to start again', async () => {
    await start();
    const restore = machine().stopStaticPods();
    await test.cluster.settled();
    expect(test.cluster.get('Pod', name, 'kube-system')).toBeUndefined();
    machine().removeImages();
    mirror('registry.k8s.io');
    restore();
    expect((await podNamed(name, 'kube-system')).status?.phase).toBe('Running');
    expect(test.pulls.headers.has(`${ecr}/demo/registry.k8s.io/kube-apiserver:v1.36.3`)).toBe(true);
  });
});

describe('init containers', () => {
  const spec = (command: string[]) => ({
    initContainers: [
      { name: 'first', image: 'nginx:1.27', command },
      { name: 'second', image: 'nginx:1.27' },
    ],
    containers: [container('registry.example/a:1')],
  });

  it('run one after the other before the containers', async () => {
    await start();
    const { status } = await runPod('a', spec(['true']));
    expect(status?.phase).toBe('Running');
    expect(status?.initContainerStatuses?.map(({ state }) => state.terminated?.reason)).toEqual([
      'Completed',
      'Completed',
    ]);
  });

  it('keep the containers waiting when one fails, and their images are not pulled', async () => {
    await start();
    const pod = await runPod('a', spec(['false']));
    const [first, second] = pod.status?.initContainerStatuses ?? [];
    expect([first?.state.waiting?.reason, first?.lastState?.terminated?.exitCode]).toEqual([
      'CrashLoopBackOff',
      1,
    ]);
    expect([second?.state, stateOf(pod)]).toEqual([
      { waiting: { reason: 'PodInitializing' } },
      { waiting: { reason: 'PodInitializing' } },
    ]);
    expect([pod.status?.phase, test.pulls.configs.size]).toEqual(['Pending', 0]);
  });
});

it('a container that ends is started again, and pulls with the pull policy Always', async () => {
  await start();
  const main = container('registry.example/a:1', { imagePullPolicy: 'Always', command: ['sleep', '3600'] });
  await runPod('a', { containers: [main, { name: 'other', image: 'nginx:1.27' }] });
  test.pulls.results.set('registry.example/a:1', 'not-found');
  test.clock.advance(3600_000);
  const pod = await podNamed('a');
  expect(pod.status?.phase).toBe('Running');
  expect(pod.status?.containerStatuses?.map(({ ready }) => ready)).toEqual([false, true]);
  expect(stateOf(pod)?.waiting?.reason).toBe('ErrImagePull');
  test.pulls.results.delete('registry.example/a:1');
  await retry();
  expect((await podNamed('a')).status?.containerStatuses?.[0]?.restartCount).toBe(1);
});

it('a pod waits for the Secret that it mounts', async () => {
  await start();
  const volumes = [{ name: 'v', secret: { secretName: 's' } }];
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const pod = await runPod('a', { volumes, containers: [container('nginx:1.27', { volumeMounts })] });
  expect(stateOf(pod)?.waiting?.reason).toBe('ContainerCreating');
  test.cluster.put({ kind: 'Secret', metadata: { name: 's', namespace: 'shop' } });
  expect((await podNamed('a')).status?.phase).toBe('Running');
});

describe('DaemonSets', () => {
  const nodes = [
    { name: 'a', architecture: 'amd64' },
    { name: 'b', architecture: 'arm64', unschedulable: true },
    { name: 'c', architecture: 'amd64', ready: false },
    { name: 'w', architecture: 'amd64', os: 'windows' },
  ] as const;
  const path = '/apis/apps/v1/namespaces/shop/daemonsets/agent';
  const labels = { app: 'agent' };

  async function apply(template: object, spec: object = {}): Promise<void> {
    await test.apply(path, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            containers: [container('nginx:1.27')],
            ...template,
          },
        },
        ...spec,
      },
    });
    await test.cluster.settled();
  }
  const status = () => test.cluster.get('DaemonSet', 'agent', 'shop')?.status;
  const pods = () =>
    (test.cluster.list('Pod', 'shop') as Pod[]).filter(
      ({ metadata }) => metadata.labels?.['app'] === 'agent',
    );
  const nodesOfPods = () =>
    pods()
      .map(({ spec }) => spec.nodeName)
      .sort();

  it('run on selected nodes, also on cordoned ones, but not on lost ones without a toleration', async () => {
    await start({ nodes });
    await apply({});
    expect(nodesOfPods()).toEqual(['a', 'b']);
    expect(status()).toMatchObject({ desiredNumberScheduled: 2, numberReady: 2, numberUnavailable: 0 });
  });

  it('have a pending pod on a lost node whose taints they tolerate', async () => {
    await start({ nodes });
    await apply({ tolerations: [{ operator: 'Exists' }] });
    expect(nodesOfPods()).toEqual(['a', 'b', 'c']);
    expect(status()).toMatchObject({
      observedGeneration: 1,
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 3,
      numberReady: 2,
      numberUnavailable: 1,
    });
  });

  it('keep the pod of an older template on a node that is lost, and replace it when the node is back', async () => {
    await start({ nodes: [nodes[0], { name: 'c', architecture: 'amd64' }] });
    const all = { tolerations: [{ operator: 'Exists' }] };
    await apply(all);
    const node = test.cluster.get('Node', 'c') as Node;
    const ready = (value: string) =>
      test.cluster.put({
        ...node,
        status: { ...node.status, conditions: [{ type: 'Ready', status: value }] },
      });
    ready('Unknown');
    await test.cluster.settled();
    const change = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } } };
    await apply({ ...all, containers: [container('docker.io/prom/prometheus:v3.1.0')] }, change);
    expect(status()).toMatchObject({ updatedNumberScheduled: 1, numberReady: 1, observedGeneration: 2 });
    const kept = pods().find(({ spec }) => spec.nodeName === 'c');
    expect([kept?.metadata.deletionTimestamp === undefined, kept?.spec.containers[0]?.image]).toEqual([
      false,
      'nginx:1.27',
    ]);
    ready('True');
    await test.cluster.settled();
    expect(status()).toMatchObject({ updatedNumberScheduled: 2, numberReady: 2 });
  });

  it('replace the pods of an older template one by one while the new ones do not start', async () => {
    await start({ nodes: [nodes[0], { name: 'd', architecture: 'amd64' }] });
    await apply({});
    test.pulls.results.set('registry.example/new:1', 'not-found');
    await apply({ containers: [container('registry.example/new:1')] });
    expect(status()).toMatchObject({ updatedNumberScheduled: 1, numberReady: 1, numberUnavailable: 1 });
  });

  it('have the defaults of the API server', async () => {
    await start();
    await apply({});
    expect(test.cluster.get('DaemonSet', 'agent', 'shop')?.spec).toMatchObject({
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    });
  });
});

describe('the node agent', () => {
  const script = (mode: string) => ['sh', '/scripts/node-access.sh', mode];
  const mounts = [
    { name: 'containerd', mountPath: '/etc/containerd' },
    { name: 'mirrors', mountPath: '/mirrors' },
  ];
  const part = (name: string, mode: string, more: object = {}) => ({
    name,
    image: 'nginx:1.27',
    command: script(mode),
    env: [{ name: 'PROJECT', value: 'demo' }],
    volumeMounts: mounts,
    ...more,
  });
  const volumes = [
    { name: 'containerd', hostPath: { path: '/etc/containerd' } },
    { name: 'mirrors', secret: { secretName: 'node-access' } },
  ];
  const probe = {
    name: 'probe',
    image: 'ecr-bootstrap.invalid/probe:1.37',
    imagePullPolicy: 'Always',
    command: ['sleep', '3600'],
  };

  function secret(hosts: Record<string, string>, expiresIn = 12 * hour): void {
    const expires_at = String(Math.floor(test.clock.now() / 1000) + expiresIn);
    const data = Object.entries({ ...hosts, expires_at }).map(([key, value]) => [
      key,
      Buffer.from(value).toString('base64'),
    ]);
    test.cluster.put({
      kind: 'Secret',
      metadata: { name: 'node-access', namespace: 'shop' },
      data: Object.fromEntries(data) as Record<string, string>,
    });
  }
  const two = (token?: string) => ({
    'docker.io': fileText('docker.io', token),
    'ecr-bootstrap.invalid': fileText('ecr-bootstrap.invalid', token),
  });
  const run = () =>
    runPod('agent', {
      volumes,
      initContainers: [part('write', 'write')],
      containers: [part('agent', 'watch', { readinessProbe: { exec: { command: script('check') } } }), probe],
    });
  const isReady = async () => (await podNamed('agent')).status?.containerStatuses?.map(({ ready }) => ready);
  const lastLine = async (name = 'agent') => {
    await test.cluster.settled();
    const { body, code } = await test.request(
      'GET',
      `/api/v1/namespaces/shop/pods/agent/log?container=${name}&tailLines=1`,
    );
    return code === 200 ? body.message.trimEnd() : `${code} ${body.message}`;
  };

  it('writes the files and the link before the probe is pulled through them', async () => {
    await start();
    secret(two());
    const pod = await run();
    expect(pod.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(machine().files).toEqual({
      [link]: folder,
      [file('docker.io')]: fileText('docker.io'),
      [file('ecr-bootstrap.invalid')]: fileText('ecr-bootstrap.invalid'),
    });
    expect(test.pulls.headers.has(`${ecr}/demo/ecr-bootstrap.invalid/probe:1.37`)).toBe(true);
    expect(await lastLine()).toContain('ready; mirrored: docker.io ecr-bootstrap.invalid');
  });

  it('does not make the probe start where containerd ignores the files', async () => {
    await start();
    machine().setReadsMirrors(false);
    test.pulls.results.set('ecr-bootstrap.invalid/probe:1.37', 'no-route');
    secret(two());
    const pod = await run();
    expect(pod.status?.phase).toBe('Pending');
    expect(await isReady()).toEqual([true, false]);
    expect(pod.status?.containerStatuses?.[1]?.state.waiting?.message).toContain(
      'lookup ecr-bootstrap.invalid',
    );
  });

  it('leaves a file of another program, and reports its first line', async () => {
    await start();
    machine().writeFile(file('docker.io'), '# spegel\n');
    secret(two());
    await run();
    expect(await isReady()).toEqual([false, true]);
    expect(machine().files[file('docker.io')]).toBe('# spegel\n');
    expect(await lastLine()).toContain(
      `${file('docker.io')} is managed by another program, its first line is: # spegel`,
    );
  });

  it('restores a removed file three times within an hour', async () => {
    await start();
    secret(two());
    await run();
    for (let count = 0; count < 4; count += 1) {
      machine().removeFile(file('docker.io'));
      await test.cluster.settled();
      expect(file('docker.io') in machine().files).toBe(count < 3);
    }
    expect(await isReady()).toEqual([false, true]);
    expect(await lastLine()).toContain('another program removed or changed it 3 times within an hour');
    test.clock.advance(hour * 1000);
    expect(await isReady()).toEqual([true, true]);
  });

  it('follows a renewed Secret after the kubelet has refreshed the volume', async () => {
    await start();
    secret(two());
    await run();
    secret(two('two'));
    await test.cluster.settled();
    expect(machine().files[file('docker.io')]).toBe(fileText('docker.io'));
    test.clock.advance(60_000);
    await test.cluster.settled();
    expect(machine().files[file('docker.io')]).toBe(fileText('docker.io', 'two'));
  });

  it('removes the files of a host that the Secret no longer has', async () => {
    await start();
    secret(two());
    await run();
    secret({ 'docker.io': fileText('docker.io') });
    await test.cluster.settled();
    test.clock.advance(60_000);
    await test.cluster.settled();
    expect(Object.keys(machine().files)).toEqual([file('docker.io'), link]);
  });

  it('is unready when the token expires soon', async () => {
    await start();
    secret(two());
    await run();
    test.clock.advance(9.5 * hour * 1000);
    expect(await isReady()).toEqual([false, true]);
    expect(await lastLine()).toMatch(/^the token expires in 2 h [23]0 min and was not renewed$/);
  });

  it('fails in its init container on a read-only file system', async () => {
    await start();
    machine().readOnly = true;
    secret(two());
    const pod = await run();
    expect(pod.status?.initContainerStatuses?.[0]?.state.waiting?.reason).toBe('CrashLoopBackOff');
    expect(await lastLine('write')).toContain(`could not write ${file('docker.io')}: Read-only file system`);
    expect(await lastLine()).toBe(
      '400 container "agent" in pod "agent" is waiting to start: PodInitializing',
    );
  });

  it('is started again when it is killed, and does nothing while it is suspended', async () => {
    await start();
    secret(two());
    await run();
    machine().killAgent();
    expect((await podNamed('agent')).status?.containerStatuses?.[0]?.restartCount).toBe(1);
    const resume = machine().suspendAgent();
    machine().removeFile(file('docker.io'));
    expect(await isReady()).toEqual([false, true]);
    resume();
    expect(await isReady()).toEqual([true, true]);
  });

  it('removes its files and keeps those of other programs', async () => {
    await start();
    secret(two());
    await run();
    machine().writeFile(file('quay.io'), '# spegel\n');
    await test.request('DELETE', '/api/v1/namespaces/shop/pods/agent');
    const remove = part('remove', 'remove', { volumeMounts: [mounts[0]] });
    await runPod('cleanup', {
      volumes: [volumes[0]],
      initContainers: [remove],
      containers: [{ name: 'agent', image: 'nginx:1.27', command: ['sleep', '86400'] }],
    });
    expect(machine().files).toEqual({ [file('quay.io')]: '# spegel\n' });
  });
});
