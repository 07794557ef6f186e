import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ArtifactSeed } from '../../../sandbox/registry/image.ts';
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
