/** Nodes with CRI-O pull from ECR under public names. Runs in a lab that was started with `--runtime crio`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  apiServerAnswers,
  nodeAccessConfig,
  publicImages,
  waitForContainers,
  waitForNodeTokens,
} from '../scenarios/nodes.ts';
import { alwaysPulling } from '../scenarios/pods.ts';
import {
  deployment,
  health,
  namespace,
  planned,
  restoreWorkloads,
  succeed,
  unwrap,
  waitForHealth,
  waitForPods,
} from '../scenarios/site.ts';
import { waitFor } from '../scenarios/wait.ts';
import { control } from './control.ts';
import { clusters, registry } from './names.ts';
import { machineFolder } from './paths.ts';
import { isCrio, versions } from './versions.ts';
import { labWorld } from './world.ts';

const space = 'crio';
const lifetimeSeconds = 45;
const registries = '/etc/containers/registries.conf.d';
const loginFile = '/etc/crio/ecr-bootstrap-auth.json';

describe.skipIf(!isCrio)('a node with CRI-O', () => {
  const world = labWorld();
  const { cluster, nodes } = world;
  const [node] = nodes;
  let filesBefore: Readonly<Record<string, string>>;
  let processBefore: string;

  const files = async () => (await node?.files()) ?? {};
  const process = async () => (await node?.runScript('pidof crio'))?.stdout ?? '';
  const loginIn = (each: Readonly<Record<string, string>>): string => {
    const { auths } = JSON.parse(each[loginFile] ?? '{}') as {
      auths?: Readonly<Record<string, { readonly auth: string }>>;
    };
    return auths?.[`${registry}/${world.project}/docker.io`]?.auth ?? '';
  };
  const login = async () => loginIn(await files());
  const isAccepted = async (auth: string): Promise<boolean> => {
    const url = `https://${registry}/v2/${world.project}/docker.io/library/nginx/manifests/1.28`;
    return (await world.sendRequest('GET', url, { authorization: `Basic ${auth}` })) === 200;
  };

  const restart = () => control('machine', 'POST', '/restart', { name: `${clusters.first.name}-crio` });

  /** The kubelet would test the node again within five minutes; the fix in `status` names this command. */
  const succeedAfterTest = async (): Promise<void> => {
    for (const { metadata } of await cluster.list('pods', 'ecr-bootstrap'))
      await cluster.remove('pod', metadata.name, 'ecr-bootstrap');
    await succeed(world, 'up', '--yes', '--restart-stuck');
  };

  beforeAll(async () => {
    await world.configure(nodeAccessConfig);
    await restoreWorkloads(world);
    await cluster.apply(namespace(space));
    filesBefore = await files();
    // An earlier run may have left CRI-O with the settings of files that it then deleted.
    await restart();
  });

  afterAll(async () => {
    await world.setTokenLifetime(12 * 3600);
    await cluster.remove('namespace', space);
    await world.reset();
  });

  it('has all files after up, which names the one command that remains', async () => {
    const { code, stdout, stderr } = await world.run('up', '--yes');
    expect({ code, text: unwrap(stdout + stderr) }).toEqual({
      code: 1,
      text: expect.stringContaining('systemctl restart crio') as string,
    });
    expect(Object.keys(await files())).toEqual(
      expect.arrayContaining([
        `${registries}/ecr-bootstrap-docker.io.conf`,
        `${registries}/ecr-bootstrap-registry.k8s.io.conf`,
        '/etc/crio/crio.conf.d/ecr-bootstrap.conf',
        loginFile,
      ]),
    );
    expect((await health(world)).findings).toContain('node-mirror-inactive');
  });

  it('is healthy after a restart of CRI-O, during which containers continue', async () => {
    const pods = await cluster.list('pods', 'kube-system');
    await restart();
    processBefore = await process();
    await succeedAfterTest();
    await waitForHealth(world, 120);
    expect(await planned(world)).toEqual([]);
    expect((await cluster.list('pods', 'kube-system')).map(({ metadata }) => metadata.name)).toEqual(
      pods.map(({ metadata }) => metadata.name),
    );
  });

  it('runs pods under public names, without a pull secret', async () => {
    expect(await world.startPod(space, 'first', 'nginx:1.28', alwaysPulling('nginx:1.28'))).toBe('Running');
    for (const name of ['shop', 'monitoring']) await waitForPods(world, name);
  });

  it('refuses names in ECR to a pod without a pull secret, also those of mirrored images', async () => {
    const image = `${registry}/${world.project}/external-secrets:v${versions.externalSecrets}`;
    const pod = { ...alwaysPulling(image), imagePullSecrets: [{ name: 'there-is-none' }] };
    expect(await world.startPod(space, 'without', image, pod)).toMatch(/^Err/);
    await cluster.remove('pod', 'without', space);
  });

  it('pulls after its token has expired, with renewed ones', async () => {
    await world.setTokenLifetime(lifetimeSeconds);
    await waitForNodeTokens(world, lifetimeSeconds, (each, published) =>
      published.includes(`"Basic ${loginIn(each)}"`),
    );
    const first = await login();
    expect(await isAccepted(first)).toBe(true);
    await waitFor('the end of this token', async () => !(await isAccepted(first)) || undefined, 90);
    expect(await login()).not.toBe(first);
    expect(await world.startPod(space, 'later', 'redis:8', alwaysPulling('redis:8'))).toBe('Running');
    // The agent is not ready while its token lasts less than three hours.
    await world.setTokenLifetime(12 * 3600);
    await waitForHealth(world, 120);
  });

  it('reads a new registry without a restart', async () => {
    const { configure } = world;
    await configure({
      ...nodeAccessConfig,
      nodes: { access: 'on', hosts: ['docker.io', 'registry.k8s.io'] },
    });
    await succeed(world, 'up', '--yes');
    const file = `${registries}/ecr-bootstrap-quay.io.conf`;
    await waitFor('the deletion', async () => !(file in (await files())) || undefined, 120);
    const image = 'quay.io/prometheus/node-exporter:v1.9.1';
    expect(await world.startPod(space, 'outside', image, alwaysPulling(image))).toMatch(/^Err.*quay\.io/s);
    await cluster.remove('pod', 'outside', space);
    await configure(nodeAccessConfig);
    await succeed(world, 'up', '--yes');
    await waitFor('the file', async () => file in (await files()) || undefined, 120);
    await cluster.apply(deployment({ namespace: space, name: 'quay', image }));
    await waitFor('the pod', async () => {
      const pods = await cluster.list('pods', space);
      const found = pods.find(({ metadata }) => metadata.name.startsWith('quay-'));
      return (found as { status?: { phase?: string } } | undefined)?.status?.phase === 'Running' || undefined;
    });
  });

  it('was not restarted meanwhile', async () => {
    expect(processBefore).not.toBe('');
    expect(await process()).toBe(processBefore);
  });

  it('boots without any image, and runs everything again from ECR, pause included', async () => {
    const images = await publicImages(world);
    expect(images.length).toBeGreaterThan(5);
    const switchOn = await world.switchOff();
    const storage = join(machineFolder(clusters.first), 'var/lib/containers/storage');
    await rm(storage, { recursive: true });
    await switchOn();
    await waitFor('the API server', () => apiServerAnswers(world), 150);
    await waitForContainers(world, images, 180);
  }, 360_000);

  it('has the files of before after down', async () => {
    await world.setTokenLifetime(12 * 3600);
    await succeed(world, 'down', '--yes');
    expect(await files()).toEqual(filesBefore);
  });
});
