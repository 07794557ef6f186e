import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../sandbox/cluster/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';

interface Pod extends KubeObject {
  readonly spec: { readonly imagePullSecrets?: readonly { readonly name: string }[] };
  readonly status?: { readonly phase?: string };
}

let cli: Cli;
const pods = (): readonly Pod[] => cli.world.cluster.list('Pod', 'shop') as unknown as readonly Pod[];
const named = (prefix: string) => pods().filter(({ metadata }) => metadata.name.startsWith(prefix));
const uids = (prefix: string) => named(prefix).map(({ metadata }) => metadata.uid);

beforeAll(async () => {
  cli = await openCli({}, { fast: true, config: '{}' });
  expect((await cli.run('up --yes')).code).toBe(0);
  const { cluster, registryHost } = cli.world;
  const account = cluster.get('ServiceAccount', 'default', 'shop');
  if (!account) throw new Error('there is no service account');
  cluster.put({ ...account, imagePullSecrets: [] });
  const image = `${registryHost}/shop/docker.io/library/nginx:1.27`;
  const spec = { serviceAccountName: 'default', containers: [{ name: 'main', image }] };
  const labels = { app: 'api' };
  cluster.put({
    kind: 'Deployment',
    metadata: { name: 'api', namespace: 'shop' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  cluster.put({ kind: 'Pod', metadata: { name: 'alone', namespace: 'shop' }, spec });
  await cluster.settled();
}, 60_000);
afterAll(() => cli.close());

describe('up --restart-stuck', () => {
  it('is needed, because a pod keeps the pull secrets that it was created with', () => {
    expect(named('api-').map(({ status }) => status?.phase)).toEqual(['Pending', 'Pending']);
  });

  it('shows the pods in the plan, and lists the one without a controller', async () => {
    const { stdout } = await cli.run('up --restart-stuck --dry-run -v');
    expect(stdout).toMatch(/Pod shop\/api-\S+ .*created before its service account listed the pull secret/);
    expect(stdout).toContain('Pod shop/alone was created before its service account listed the pull secret');
    expect(stdout).toContain('no controller would create it again');
  });

  it('is not part of up', async () => {
    const { stdout } = await cli.run('up --dry-run -v');
    expect(stdout).not.toContain('Pod shop/');
  });

  it('recreates them once their service account lists the pull secret, and no other pod', async () => {
    const [before, web, alone] = [uids('api-'), uids('web-'), uids('alone')];
    const { code, stdout, stderr } = await cli.run('up --restart-stuck --yes');
    expect(code, stdout + stderr).toBe(0);
    await cli.world.cluster.settled();
    expect(named('api-').map(({ status }) => status?.phase)).toEqual(['Running', 'Running']);
    expect(uids('api-').filter((uid) => before.includes(uid))).toEqual([]);
    expect([uids('web-'), uids('alone')]).toEqual([web, alone]);
  });

  it('has nothing left to do then', async () => {
    const { stdout } = await cli.run('up --restart-stuck --dry-run -v');
    expect(stdout).not.toMatch(/Pod shop\/api/);
  });
});

describe('the first up --restart-stuck, which creates node access', () => {
  let fresh: Cli;
  const cache = (): readonly Pod[] =>
    (fresh.world.cluster.list('Pod', 'shop') as unknown as readonly Pod[]).filter(({ metadata }) =>
      metadata.name.startsWith('cache-'),
    );

  beforeAll(async () => {
    fresh = await openCli({}, { fast: true, config: '{}' });
    fresh.world.sources.get('docker.io')?.seed('library/redis', '8');
    const labels = { app: 'cache' };
    const spec = { containers: [{ name: 'main', image: 'redis:8' }] };
    fresh.world.cluster.put({
      kind: 'Deployment',
      metadata: { name: 'cache', namespace: 'shop' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    await fresh.world.cluster.settled();
  }, 60_000);
  afterAll(() => fresh.close());

  it('plans the pods that could not pull from the internet', async () => {
    expect(cache().map(({ status }) => status?.phase)).toEqual(['Pending', 'Pending']);
    const { stdout } = await fresh.run('up --restart-stuck --dry-run -v');
    expect(stdout.match(/Pod shop\/cache-\S+ .*created before its node pulled from ECR/g)).toHaveLength(2);
    expect((await fresh.run('up --dry-run -v')).stdout).not.toContain('Pod shop/cache');
    const without = await fresh.run('up --restart-stuck --dry-run -v --skip node-access');
    expect(without.stdout).not.toContain('Pod shop/cache');
  });

  it('runs them when it ends', async () => {
    const { code, stdout, stderr } = await fresh.run('up --restart-stuck --yes');
    expect(code, stdout + stderr).toBe(0);
    await fresh.world.cluster.settled();
    expect(cache().map(({ status }) => status?.phase)).toEqual(['Running', 'Running']);
  });
});
