import { afterEach, expect, it } from 'vitest';
import type { Finding } from '../../../../src/plan/index.ts';
import { images } from '../../../../src/steps/images/index.ts';
import { internetImages } from '../../../../src/steps/images/internet.ts';
import { repositories } from '../../../../src/steps/repositories/index.ts';
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

/** Plans and applies; the result of each change by its image, and the findings on the way. */
async function apply(): Promise<{ results: Map<string, string>; findings: Finding[] }> {
  const ctx = place.context();
  const state = await images.observe(ctx);
  const findings: Finding[] = [];
  const run = {
    ...runOf(ctx),
    emit: (event: { type: string; finding?: Finding }) => {
      if (event.finding) findings.push(event.finding);
    },
  };
  const outcomes = await images.apply(images.diff(state, ctx).changes, state, run);
  return { results: new Map(outcomes.map(({ change, result }) => [change.target.name, result])), findings };
}

it('warns of an image that only a workload names and no source has, with the line that leaves it out', async () => {
  place = await MirrorWorld.start();
  deploy('mistaken', 'quay.io/no/such:1');
  await applyStep(repositories, place);
  const { results, findings } = await apply();
  expect(results.get('quay.io/no/such:1')).toBe('skipped');
  expect(results.get('docker.io/library/nginx:1.27')).toBe('done');
  expect(findings).toMatchObject([
    { level: 'warning', code: 'image-unresolved', what: 'image quay.io/no/such:1' },
  ]);
  expect(findings[0]?.hint).toContain('images.exclude: "- quay.io/no/such:1"');
});

it('fails for an image of the configuration that no source has, and copies the others', async () => {
  place = await MirrorWorld.start({ images: { list: ['quay.io/no/such:1'] } });
  const { results } = await apply();
  expect(results.get('quay.io/no/such:1')).toBe('failed');
  expect(results.get('docker.io/library/nginx:1.27')).toBe('done');
});

it('tells what to name instead of an image on the internet, and nothing of one in the ECR', async () => {
  place = await MirrorWorld.start();
  deploy('moved', `${place.world.registryHost}/myproject/docker.io/library/nginx:1.27`);
  const found = await internetImages(place.context());
  expect(found.find(({ workload }) => workload === 'Deployment shop/moved')).toBeUndefined();
  expect(found.find(({ workload }) => workload === 'Deployment shop/web')).toMatchObject({
    image: 'nginx:1.27',
    instead: `${place.world.registryHost}/myproject/docker.io/library/nginx:1.27`,
  });
});

it('keeps the digest of a pinned image in what to name instead, for a runtime pulls by it', async () => {
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

it('brings what a workload pins beside a tag that the ECR has for something else, and is content then', async () => {
  place = await MirrorWorld.start();
  const source = place.world.sources.get('docker.io');
  const pin = (base: string): string => {
    const { digest = '' } = source?.seed('library/pinned', '1', { base: [base] }) ?? {};
    deploy('pinned', `${place.world.registryHost}/myproject/docker.io/library/pinned:1@${digest}`);
    return digest;
  };
  pin('older');
  await applyStep(repositories, place);
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

/** What `status` says of images that are outside the ECR: level, and who names them. */
async function told(): Promise<string[]> {
  const ctx = place.context();
  const findings = (await images.health?.(await images.observe(ctx), ctx)) ?? [];
  return findings.map(({ level, target }) => `${level} ${target.name}`);
}

it('warns of images that workloads name outside the ECR, and not of those of static pods', async () => {
  place = await MirrorWorld.start();
  const before = await told();
  expect(before).toContain('warning nginx:1.27');
  expect(before).toContain('ok registry.k8s.io/etcd:3.6.8-0');
  deploy('borrower', 'registry.k8s.io/etcd:3.6.8-0');
  expect(await told()).toContain('warning registry.k8s.io/etcd:3.6.8-0');
});

it('says nothing of images that the configuration leaves out, whether they can be read or not', async () => {
  place = await MirrorWorld.start({ images: { exclude: ['nginx:*', '*/kube-proxy', 'Not An Image'] } });
  deploy('unreadable', 'Not An Image');
  const findings = await told();
  expect(findings).toContain('warning registry.k8s.io/coredns/coredns:v1.13.1');
  expect(findings.join('\n')).not.toMatch(/nginx|kube-proxy|Not An Image/);
});

it('asks no source about a tag that the ECR has', async () => {
  place = await MirrorWorld.start();
  await applyStep(images, place);
  const before = place.world.faults.calls.length;
  expect((await planStep(images, place)).changes).toEqual([]);
  const asked = place.world.faults.calls.slice(before).filter(({ service }) => service === 'source');
  expect(asked).toEqual([]);
});
