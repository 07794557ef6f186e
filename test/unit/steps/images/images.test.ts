import { afterEach, describe, expect, it } from 'vitest';
import { images } from '../../../../src/steps/images.ts';
import { internetImages } from '../../../../src/mirror/internet.ts';
import { applyStep, planStep, runOf } from '../../../contract/step-contract.ts';
import { MirrorWorld } from '../mirror-world.ts';

let place: MirrorWorld;
afterEach(() => place.close());

function deploy(name: string, image: string): void {
  const labels = { app: name };
  place.world.cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  });
}

/** Plans and applies. @returns the results by target of the change, and the error codes of failed changes */
async function apply(): Promise<{ results: Map<string, string>; codes: string[] }> {
  const ctx = place.context();
  const state = await images.observe(ctx);
  const outcomes = await images.apply(images.diff(state, ctx).changes, state, runOf(ctx));
  expect(outcomes.filter((outcome) => outcome.result === 'failed' && !outcome.tolerable)).toEqual([]);
  return {
    results: new Map(outcomes.map(({ change, result }) => [change.target.name, result])),
    codes: outcomes.flatMap((outcome) => (outcome.result === 'failed' ? [outcome.error.code] : [])),
  };
}

it('reports an image that does not exist at its source with a fix, and creates no repository for it', async () => {
  place = await MirrorWorld.start({ images: { list: ['quay.io/not/there:2'] } });
  deploy('mistaken', 'quay.io/no/such:1');
  const plan = await planStep(images, place);
  const missing = plan.findings.filter(({ level }) => level === 'failed');
  expect(missing).toMatchObject([
    {
      code: 'image-unresolved',
      why: 'quay.io has no such image',
      hint: expect.stringContaining('Fix the image reference in Deployment shop/mistaken') as string,
    },
    {
      code: 'image-unresolved',
      why: 'quay.io has no such image',
      hint: expect.stringContaining('images.list') as string,
    },
  ]);
  expect(missing[0]?.hint).toContain('images.exclude: `- quay.io/no/such:1`');
  expect(JSON.stringify(plan.changes)).not.toContain('quay.io/no');
  await applyStep(images, place);
  expect(place.world.aws.registry.repositories.has('myproject/docker.io/library/nginx')).toBe(true);
  expect([...place.world.aws.registry.repositories.keys()].join()).not.toContain('quay.io');
  const again = await planStep(images, place);
  expect([again.changes, again.findings.filter(({ level }) => level === 'failed')]).toEqual([[], missing]);
});

it('reports an image of a workload with a registry on localhost, and plans nothing for it', async () => {
  place = await MirrorWorld.start();
  deploy('sly', '127.0.0.1:9/no/such:1');
  const { changes, findings } = await planStep(images, place);
  expect(JSON.stringify(changes)).not.toContain('no/such');
  expect(findings.filter(({ level }) => level === 'failed')).toMatchObject([
    { code: 'image-unresolved', target: { name: '127.0.0.1:9/no/such:1' } },
  ]);
});

it('fails only the image whose repository cannot be created, and copies the others', async () => {
  place = await MirrorWorld.start();
  deploy('refused', 'quay.io/prometheus/node-exporter:v1.9.0');
  const resource = 'myproject/quay.io/prometheus/node-exporter';
  place.world.faults.plan({ kind: 'deny', service: 'ecr', operation: 'CreateRepository', resource });
  const { results, codes } = await apply();
  expect(results.get('quay.io/prometheus/node-exporter:v1.9.0')).toBe('failed');
  expect(codes).toEqual(['aws-denied', 'aws-denied']);
  expect(results.get('docker.io/library/nginx:1.27')).toBe('done');
});

it('fails only the images of a repository that ECR denies access to', async () => {
  place = await MirrorWorld.start();
  await applyStep(images, place);
  const resource = 'myproject/docker.io/library/nginx';
  place.world.faults.plan({ kind: 'deny', service: 'ecr', operation: 'BatchGetImage', resource });
  const { changes, findings } = await planStep(images, place);
  expect(changes).toEqual([]);
  expect(findings.filter(({ level }) => level === 'failed')).toMatchObject([
    { code: 'image-unknown', target: { name: 'docker.io/library/nginx:1.27' } },
  ]);
});

it('suggests a reference for an image on the internet, and none for an image in the ECR', async () => {
  place = await MirrorWorld.start();
  deploy('moved', `${place.world.registryHost}/myproject/docker.io/library/nginx:1.27`);
  const found = await internetImages(place.context());
  expect(found.find(({ workload }) => workload === 'Deployment shop/moved')).toBeUndefined();
  expect(found.find(({ workload }) => workload === 'Deployment shop/web')).toMatchObject({
    image: 'nginx:1.27',
    instead: `${place.world.registryHost}/myproject/docker.io/library/nginx:1.27`,
  });
});

it('suggests the standard ECR host when a workload uses another one, and copies the image as usual', async () => {
  place = await MirrorWorld.start();
  const standard = place.world.registryHost;
  const dualStack = standard.replace('.dkr.ecr.', '.dkr-ecr.').replace('amazonaws.com', 'on.aws');
  const hosts = [dualStack, standard.replace('.ecr.', '.ecr-fips.'), `${standard}:443`];
  const path = 'myproject/docker.io/library/nginx:1.27';
  for (const [index, host] of hosts.entries()) deploy(`alias-${index}`, `${host}/${path}`);
  const ctx = place.context();
  const state = await images.observe(ctx);
  const planned = images.diff(state, ctx).changes.filter(({ target }) => target.kind === 'image');
  expect(planned.map(({ target }) => target.name).filter((name) => name.includes('nginx'))).toEqual([
    'docker.io/library/nginx:1.27',
  ]);
  const findings = (await images.health?.(state, ctx)) ?? [];
  expect(findings.filter(({ code }) => code === 'registry-alias')).toMatchObject(
    hosts.map((host) => ({
      target: { name: `${host}/${path}` },
      hint: `Change the reference to ${standard}/${path}`,
    })),
  );
});

it('keeps the digest of a pinned image in the suggested reference, because a runtime pulls by it', async () => {
  place = await MirrorWorld.start();
  const digest = `sha256:${'b'.repeat(64)}`;
  deploy('pinned', `nginx:1.27@${digest}`);
  deploy('nameless', `nginx@${digest}`);
  const found = await internetImages(place.context());
  const inEcr = `${place.world.registryHost}/myproject/docker.io/library/nginx`;
  const instead = (name: string) =>
    found.find(({ workload }) => workload === `Deployment shop/${name}`)?.instead;
  expect(instead('pinned')).toBe(`${inEcr}:1.27@${digest}`);
  expect(instead('nameless')).toBe(`${inEcr}@${digest}`);
});

it('copies a pinned image whose tag has another digest in the ECR, and then plans nothing', async () => {
  place = await MirrorWorld.start();
  const source = place.world.sources.get('docker.io');
  const pin = (base: string): string => {
    const { digest = '' } = source?.seed('library/pinned', '1', { base: [base] }) ?? {};
    deploy('pinned', `${place.world.registryHost}/myproject/docker.io/library/pinned:1@${digest}`);
    return digest;
  };
  pin('older');
  await applyStep(images, place);
  const digest = pin('newer');
  expect((await planStep(images, place)).changes).toMatchObject([
    {
      action: 'create',
      target: { name: `docker.io/library/pinned:1@${digest}` },
      reason: `as myproject/docker.io/library/pinned:1@${digest}`,
    },
  ]);
  await applyStep(images, place);
  expect((await planStep(images, place)).changes).toEqual([]);
});

/** The findings of `status` about images outside the ECR: level and image. */
async function reported(): Promise<string[]> {
  const ctx = place.context();
  const findings = (await images.health?.(await images.observe(ctx), ctx)) ?? [];
  return findings.map(({ level, target }) => `${level} ${target.name}`);
}

it('warns about images outside the ECR, except for images of static pods', async () => {
  place = await MirrorWorld.start();
  const before = await reported();
  expect(before).toContain('warning nginx:1.27');
  expect(before).toContain('ok registry.k8s.io/etcd:3.6.8-0');
  deploy('borrower', 'registry.k8s.io/etcd:3.6.8-0');
  expect(await reported()).toContain('warning registry.k8s.io/etcd:3.6.8-0');
});

it('ignores images that the configuration excludes, even with an invalid reference', async () => {
  place = await MirrorWorld.start({ images: { exclude: ['nginx:*', '*/kube-proxy', 'Not An Image'] } });
  deploy('unreadable', 'Not An Image');
  const findings = await reported();
  expect(findings).toContain('warning registry.k8s.io/coredns/coredns:v1.13.1');
  expect(findings.join('\n')).not.toMatch(/nginx|kube-proxy|Not An Image/);
});

it('sends no request to the source of a tag that the ECR has', async () => {
  place = await MirrorWorld.start();
  await applyStep(images, place);
  const before = place.world.faults.calls.length;
  expect((await planStep(images, place)).changes).toEqual([]);
  const asked = place.world.faults.calls.slice(before).filter(({ service }) => service === 'source');
  expect(asked).toEqual([]);
});

describe('a new image that has layers of an image in ECR', () => {
  const held = 'myproject/docker.io/library/old';

  /** How many blobs are uploaded, of two shared and two new ones. */
  async function uploads(mounting: 'ENABLED' | 'DISABLED', isHidden = false): Promise<number> {
    place = await MirrorWorld.start({ images: { list: ['new:1', 'old:1'] } });
    const { aws, faults, sources } = place.world;
    await apply();
    aws.registry.settings.set('BLOB_MOUNTING', mounting);
    const layers = { base: ['b1', 'b2'], layers: 1 };
    aws.registry.seed(held, '1', layers);
    sources.get('docker.io')?.seed('library/new', '1', layers);
    if (isHidden)
      faults.plan({ kind: 'deny', service: 'registry', operation: 'GetManifest', resource: held });
    faults.calls.splice(0);
    expect([...(await apply()).results].filter(([, result]) => result === 'done')).toHaveLength(2);
    return faults.calls.filter(({ operation }) => operation === 'FinishUpload').length;
  }

  it('mounts them if the account allows it', async () => {
    expect(await uploads('ENABLED')).toBe(2);
  });

  it('uploads them if the account does not', async () => {
    expect(await uploads('DISABLED')).toBe(4);
  });

  it('uploads them if the image in ECR cannot be read', async () => {
    expect(await uploads('ENABLED', true)).toBe(4);
  });
});
