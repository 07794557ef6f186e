import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import {
  deleteFromEcr,
  deployment,
  expectHealthy,
  imagesInUse,
  namespace,
  planned,
  referenceInEcr,
  restoreWorkloads,
  succeed,
  useImagesInEcr,
  workloads,
} from './site.ts';

const layout = 'oci:carried';
const where = 'carried';
const later = 'registry.k8s.io/coredns/coredns:v1.12.1';

interface Mirrored {
  readonly mirror?: {
    readonly images: readonly { readonly source: string; readonly state: string }[];
    readonly operatorYaml?: { readonly sha256: string };
  };
}

describe('a site whose images are carried in a folder', () => {
  const world = openWorld();
  let reconnect = async (): Promise<void> => undefined;

  /** Runs on a machine that reaches only the internet. */
  async function write(...args: string[]) {
    const { runOutside } = await world;
    const { code, stdout, stderr } = await runOutside('mirror', '--to', layout, ...args, '-o', 'json');
    expect(code, stdout + stderr).toBe(0);
    const { mirror: { images, operatorYaml } = { images: [] } } = JSON.parse(stdout) as Mirrored;
    const states = new Map(images.map(({ source, state }) => [source, state]));
    return { states, operatorYaml };
  }

  beforeAll(async () => {
    const { configure, reset } = await world;
    await configure(imagesInUse);
    await restoreWorkloads(await world);
    await reset();
  });

  afterAll(() => reconnect());

  restoreAfterAll(async () => {
    await (await world).cluster.remove('namespace', where);
    await deleteFromEcr(await world, later);
    await succeed(await world, 'up', '--yes');
  });

  it("has them and the operator's YAML in the folder, which needs neither AWS nor the cluster", async () => {
    const { stdout } = await succeed(await world, 'images', '-q');
    await (await world).writeFile('images.txt', stdout);
    const { states, operatorYaml } = await write('--from-file', 'images.txt', '--platform', 'all');
    expect(operatorYaml?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(states.values())).toEqual(new Set(['copied']));
    expect([...states.keys()]).toContain('ghcr.io/external-secrets/external-secrets:v0.12.1');
  });

  it('is set up from the folder while no registry on the internet answers', async () => {
    const { breakInternet, removeNodeImages } = await world;
    reconnect = await breakInternet();
    await removeNodeImages();
    await succeed(await world, 'up', '--yes', '--from', layout);
    await useImagesInEcr(await world);
    await expectHealthy(await world);
    expect(await planned(await world, '--from', layout)).toEqual([]);
  });

  it('gets a later image from the same folder, in which only that image is new', async () => {
    const { cluster, run, startPod, writeFile } = await world;
    const release = deployment({ namespace: where, name: 'release', image: later });
    await writeFile('release.yaml', JSON.stringify(release));
    const check = ['images', '--from-manifests', 'release.yaml', '--check'] as const;
    const before = await run(...check);
    expect(before.code, before.stdout + before.stderr).toBe(3);
    expect(before.stdout).toContain(later);

    await reconnect();
    const { states } = await write(...workloads.map(({ image }) => image), later, '--platform', 'all');
    reconnect = await (await world).breakInternet();
    const copied = [...states].filter(([, state]) => state !== 'current');
    expect(copied).toEqual([[later, 'copied']]);
    expect(states.size).toBe(workloads.length + 1);

    await succeed(await world, 'mirror', '--from', layout);
    await succeed(await world, ...check);
    await cluster.apply(namespace(where));
    expect(await startPod(where, 'later', referenceInEcr(await world, later))).toBe('Running');
  });

  it.runIf(can('other tools'))('gets the signature of an image with the digest of its source', async () => {
    const { copyImage, readDigests } = await world;
    await reconnect();
    const { digest } = await readDigests('docker.io/library/nginx:1.28');
    const signature = `nginx:${digest.replace(':', '-')}.sig`;
    // Nothing verifies signatures here, so any manifest can have the tag of one.
    await copyImage('docker.io/library/redis:8', `docker.io/library/${signature}`);
    await write('nginx:1.28', '--referrers', '--platform', 'all');
    reconnect = await (await world).breakInternet();
    await succeed(await world, 'mirror', '--from', layout, '--referrers', '--platform', 'all', 'nginx:1.28');
    const copy = await readDigests(referenceInEcr(await world, signature));
    await reconnect();
    expect(copy.digest).toBe((await readDigests('docker.io/library/redis:8')).digest);
  });
});
