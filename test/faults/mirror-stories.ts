import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cli } from '../support/cli.ts';
import { expectValidLayout } from '../support/layout.ts';
import { type Story, succeed } from './stories.ts';

/** An image with a signature that the referrers API lists, and one under a tag of cosign. */
const image = 'quay.io/signed:1';
const repository = 'shop/quay.io/signed';

const seeded = new WeakMap<Cli, readonly string[]>();

/** The digests of the image and its signatures. Adds them to their source at the first call. */
function digestsOf(cli: Cli): readonly string[] {
  const before = seeded.get(cli);
  if (before) return before;
  const source = cli.world.sources.get('quay.io');
  if (!source) throw new Error('the sandbox has quay.io');
  const { digest: subject } = source.seed('signed', '1');
  const artifact = { subject, artifactType: 'application/vnd.cncf.notary.signature' };
  const signatures = [
    source.attach('signed', { ...artifact, content: 'listed' }),
    source.attach('signed', { ...artifact, content: 'tagged', suffix: '.sig' }),
  ];
  const digests = [subject, ...signatures];
  seeded.set(cli, digests);
  return digests;
}

/** Removes the copy in ECR, also from the list of images in the cluster, and what earlier runs have read. */
async function removeCopy(cli: Cli): Promise<void> {
  digestsOf(cli);
  cli.world.aws.registry.repositories.delete(repository);
  await succeed(cli, 'up --yes --only image-warnings');
  rmSync(join(cli.folder, 'cache'), { recursive: true, force: true });
}

function expectInEcr(cli: Cli): void {
  const copied = cli.world.aws.registry.repositories.get(repository);
  for (const digest of digestsOf(cli)) expect(copied?.manifest(digest)?.digest).toBe(digest);
  expect(copied?.manifest('1')?.digest).toBe(digestsOf(cli)[0]);
}

const repeated = (command: string) => ({ command, recovery: [command], afterwards: [command] });

export const mirroring: Story = {
  ...repeated(`mirror --referrers --platform all ${image}`),
  name: 'a mirror with referrers',
  prepare: removeCopy,
  expectDone: expectInEcr,
};

const exporting = `mirror --to oci:images --referrers --platform all ${image}`;

export const mirroringToFolder: Story = {
  ...repeated(exporting),
  name: 'a mirror to a folder',
  async prepare(cli) {
    digestsOf(cli);
    for (const folder of ['images', 'cache'])
      rmSync(join(cli.folder, folder), { recursive: true, force: true });
  },
  expectDone: (cli) => expectValidLayout(join(cli.folder, 'images')),
};

export const mirroringFromFolder: Story = {
  ...repeated('mirror --from oci:images --referrers --platform all'),
  name: 'a mirror from a folder',
  async prepare(cli) {
    await removeCopy(cli);
    await succeed(cli, exporting);
  },
  expectDone: expectInEcr,
};
