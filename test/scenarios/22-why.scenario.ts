import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, namespace, referenceInEcr, succeed } from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject, World } from './world.ts';

const where = 'puzzle';
const service = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: where, name: 'old' } };

interface Explained {
  readonly verdict: string;
  readonly cause?: { readonly id: string; readonly fix: string };
}

interface Pod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly uid: string };
  readonly status: { readonly phase: string };
}

async function why({ run }: World, ...args: string[]): Promise<Explained & { code: number }> {
  const { code, stdout, stderr } = await run('why', ...args, '-n', where, '-o', 'json');
  const { why: explained } = JSON.parse(stdout) as { why?: Explained };
  expect(explained, stdout + stderr).toBeDefined();
  return { code, verdict: '', ...explained };
}

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
    const containers = [{ name: 'main', image, imagePullPolicy: 'Always' }];
    await start('own', image, { containers, imagePullSecrets: [{ name: 'none' }] });
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
    const spec = {
      serviceAccountName: 'old',
      containers: [{ name: 'main', image, imagePullPolicy: 'Always' }],
    };
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
