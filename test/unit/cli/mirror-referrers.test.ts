import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ArtifactSeed } from '../../../sandbox/registry/image.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

/** An image with a signature that the referrers API lists, and one under a tag of cosign. */
function seed(name: string, more: Partial<ArtifactSeed> = {}): { digest: string; signature: string } {
  const source = cli.world.sources.get('quay.io');
  if (!source) throw new Error('the sandbox has quay.io');
  const { digest } = source.seed(name, '1');
  const artifact = { subject: digest, artifactType: 'application/vnd.cncf.notary.signature', content: name };
  source.attach(name, { ...artifact, suffix: '.sig' });
  return { digest, signature: source.attach(name, { ...artifact, ...more }) };
}
const inEcr = (name: string) => cli.world.aws.registry.repositories.get(`shop/quay.io/${name}`);
const cosignTag = (digest: string): string => `${digest.replace(':', '-')}.sig`;

it('says how many referrers were copied, also of an image that is current', async () => {
  seed('counted');
  await cli.run('mirror quay.io/counted:1 --platform all');
  const first = await cli.run('mirror --referrers quay.io/counted:1 --platform all');
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toContain('2 referrers');
  expect(first.stdout).toContain('0 copied, 1 current. Referrers: 2 copied, 0 current.');
  const second = await cli.run('mirror --referrers quay.io/counted:1 --platform all --dry-run');
  expect(second.stdout).toContain('Referrers: 0 to copy, 2 current.');
});

it('has the counts and the warnings in the JSON document', async () => {
  seed('refused', { artifactType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' });
  const { code, document } = await cli.json('mirror --referrers quay.io/refused:1 --platform all');
  expect(code).toBe(0);
  expect(document).toMatchObject({
    mirror: { images: [{ state: 'copied', referrers: { copied: 1, current: 0, skipped: 1 } }] },
    warnings: [
      expect.stringContaining('ECR refuses the type application/vnd.dev.sigstore.bundle+json') as string,
    ],
  });
});

it.each([
  ['the flag', '--engine docker', undefined],
  ['the configuration', '', { ECR_BOOTSTRAP_ENGINE: 'docker' }],
])('refuses the Docker engine of %s before any work', async (_, flag, env) => {
  const { code, stderr } = await cli.run(`mirror --referrers nginx:1.27 ${flag}`, env ? { env } : {});
  expect(code).toBe(2);
  expect(stderr).toContain('could not copy referrers with the Docker engine [usage]');
  expect(stderr).toContain('--engine registry');
});

it('carries referrers in a layout, and copies them from it only with the flag', async () => {
  const { digest, signature } = seed('carried');
  const written = await cli.run('mirror --to oci:images --referrers quay.io/carried:1 --platform all');
  expect(written).toMatchObject({ code: 0 });
  expect(written.stdout).toContain('Referrers: 2 copied, 0 current.');
  const again = await cli.run('mirror --to oci:images --referrers quay.io/carried:1 --platform all');
  expect(again.stdout).toContain('0 copied, 1 current. Referrers: 0 copied, 2 current.');
  expect(existsSync(join(cli.folder, 'images/blobs', ...signature.split(':')))).toBe(true);
  const index = readFileSync(join(cli.folder, 'images/index.json'), 'utf8');
  expect(index).toContain(`quay.io/carried:${digest.replace(':', '-')}"`);

  const plain = await cli.run('mirror --from oci:images --platform all');
  expect(plain).toMatchObject({ code: 0 });
  expect(plain.stdout).toContain('1 copied');
  expect(plain.stderr).toContain(
    'oci:images also has signatures or other referrers; --referrers copies them.',
  );
  expect([...(inEcr('carried')?.tags.keys() ?? [])]).toEqual(['1']);

  const whole = await cli.run('mirror --from oci:images --platform all --referrers');
  expect(whole.stdout).toContain('0 copied, 1 current. Referrers: 2 copied, 0 current.');
  expect(inEcr('carried')?.manifests.has(signature)).toBe(true);
  expect(inEcr('carried')?.tags.has(cosignTag(digest))).toBe(true);
});

/** Rewrites the index of a layout, as if another tool had written it. */
function changeIndex(file: string, change: (entry: Entry) => Entry): void {
  const index = JSON.parse(readFileSync(file, 'utf8')) as { readonly manifests: readonly Entry[] };
  writeFileSync(file, JSON.stringify({ ...index, manifests: index.manifests.map(change) }));
}
interface Entry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
const refName = 'org.opencontainers.image.ref.name';

it('takes referrers without names for what they are, as ORAS writes them, and an image by its tag', async () => {
  const { digest, signature } = seed('unnamed');
  await cli.run('mirror --to oci:oras --referrers quay.io/unnamed:1 --platform all');
  // ORAS lists the referrer itself, and tags the image.
  changeIndex(join(cli.folder, 'oras/index.json'), ({ annotations, ...entry }) => {
    const name = annotations?.[refName] ?? '';
    if (name.endsWith(digest.replace(':', '-'))) return { ...entry, digest: signature };
    return { ...entry, annotations: { [refName]: name.slice(name.lastIndexOf(':') + 1) } };
  });
  const all = await cli.run('mirror --from oci:oras --platform all');
  expect(all.stdout + all.stderr).toContain('could not name the image 1');
  expect(all.stdout + all.stderr).not.toContain(`could not name the image ${signature}`);
  expect(all.stdout + all.stderr).not.toContain(`could not name the image sha256-`);
  const named = await cli.run('mirror --from oci:oras --platform all --referrers quay.io/unnamed:1');
  expect(named).toMatchObject({ code: 0 });
  expect(named.stdout).toContain('Referrers: 2 copied, 0 current.');
  expect(inEcr('unnamed')?.manifests.has(signature)).toBe(true);
});

it('does not take the only image of a layout, which has no name, for its own signature', async () => {
  const { digest } = seed('lonely');
  await cli.run('mirror --to oci:lonely quay.io/lonely:1 --platform all');
  const file = join(cli.folder, 'lonely/index.json');
  changeIndex(file, ({ annotations: _, ...entry }) => entry);
  const { manifests, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { manifests: readonly Entry[] };
  writeFileSync(
    file,
    JSON.stringify({ ...rest, manifests: manifests.filter((one) => one.digest === digest) }),
  );
  const result = await cli.run('mirror --from oci:lonely --referrers quay.io/lonely:1 --platform all');
  expect(result.stdout).toContain('1 copied');
  expect(result.stdout).toContain('Referrers: 0 copied, 0 current.');
});

it('completes a referrer in a layout whose content is missing', async () => {
  const { signature } = seed('damaged');
  const write = () => cli.run('mirror --to oci:damaged --referrers quay.io/damaged:1 --platform all');
  await write();
  rmSync(join(cli.folder, 'damaged/blobs', ...signature.split(':')));
  const broken = await cli.run('mirror --from oci:damaged --referrers --platform all', {
    env: { XDG_CACHE_HOME: join(cli.folder, 'other-cache') },
  });
  expect(broken.code).toBe(0);
  expect(broken.stdout).toContain('1 skipped');
  expect((await write()).stdout).toContain('Referrers: 1 copied, 1 current.');
  expect(existsSync(join(cli.folder, 'damaged/blobs', ...signature.split(':')))).toBe(true);
});

it('lists images without their referrers in the file of failures after an interruption', async () => {
  seed('stopped');
  const stopping = new AbortController();
  const interruption = new BootstrapError({ code: 'interrupted', what: 'w', why: 'y', hint: 'h' });
  const stop = cli.world.faults.onCall(({ operation }) => {
    if (operation === 'ListReferrers') stopping.abort(interruption);
  });
  const line = 'mirror --referrers quay.io/stopped:1 --platform all --failed-to failed.txt';
  const { code } = await cli.run(line, { signal: stopping.signal });
  stop();
  expect(code).toBe(130);
  expect(inEcr('stopped')?.tags.has('1')).toBe(true);
  expect(readFileSync(join(cli.folder, 'failed.txt'), 'utf8')).toBe('quay.io/stopped:1\n');
});
