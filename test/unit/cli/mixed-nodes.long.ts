import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: some tests run `up` twice. */
const slow = { timeout: 120_000 };

let cli: Cli;
afterEach(() => cli.close());

function addNode(name: string, operatingSystem: string, architecture: string): void {
  cli.world.cluster.put({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { nodeInfo: { operatingSystem, architecture } },
  });
}

const only = '--only repositories,operator-image,images';
const nginx = 'shop/docker.io/library/nginx';

it('copies an image for the nodes that its source supports, warns once about the others, and is then healthy', async () => {
  cli = await openCli({}, { fast: true });
  addNode('windows', 'windows', 'amd64');
  addNode('odd', 'Plan 9', '386!');
  expect((await cli.run(`up --yes ${only}`)).code).toBe(0);
  addNode('mainframe', 'linux', 's390x');
  // The sandbox's nginx is for amd64 and arm64.
  const drifted = await cli.run(`status ${only}`);
  expect(drifted.code).toBe(3);
  const ran = await cli.run(`up --yes ${only}`);
  expect(ran.code).toBe(0);
  const warning = 'docker.io/library/nginx:1.27 is not available for linux/s390x';
  expect(ran.stderr.split(warning)).toHaveLength(2);
  expect((await cli.run(`status ${only}`)).code).toBe(0);
  const again = await cli.run(`up --yes ${only}`);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain('Nothing to change');
  expect(again.stderr).not.toContain(warning);
});

it('copies the platform of a new node when the source has it', async () => {
  cli = await openCli({}, { fast: true });
  expect((await cli.run(`up --yes ${only}`)).code).toBe(0);
  const children = () => {
    const manifest = cli.world.aws.registry.repositories.get(nginx)?.manifest('1.27');
    return (JSON.parse(String(manifest?.bytes)) as { manifests?: unknown[] }).manifests?.length ?? 1;
  };
  const before = children();
  addNode('arm', 'linux', 'arm64');
  expect((await cli.run(`up --yes ${only}`)).code).toBe(0);
  expect([before, children()]).toEqual([1, 2]);
});

it('fails an image when its source lacks one of the listed platforms', async () => {
  cli = await openCli({}, { fast: true });
  const ran = await cli.run(`up --yes ${only} --skip operator-image --platform linux/amd64,linux/s390x`);
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain('linux/s390x');
});

describe('nodes that report an invalid platform', () => {
  const odd = [
    ['linux', 'x'.repeat(300)],
    ['linux', 'amd64/evil'],
    ['', 'amd64'],
    ['linux\nimages: {}', 'amd64'],
    ['lin\u001b[31mux', 'amd64'],
  ] as const;

  async function withOddNodes(): Promise<void> {
    cli = await openCli({}, { fast: true });
    for (const [at, [os, architecture]] of odd.entries()) addNode(`odd-${at}`, os, architecture);
  }

  it(
    'are skipped with one warning by up and status, and up copies images for the other nodes',
    slow,
    async () => {
      await withOddNodes();
      const warning = /node odd-\d and 4 more report platforms that no image can have/g;
      const ran = await cli.run(`up --yes ${only}`);
      expect(ran.code, ran.stderr).toBe(0);
      expect(ran.stdout.match(warning)).toHaveLength(1);
      const status = await cli.run(`status ${only}`);
      expect(status.code, status.stdout).toBe(0);
      expect(status.stdout.match(warning)).toHaveLength(1);
      expect(ran.stdout + ran.stderr + status.stdout).not.toContain('\u001b');
      expect((await cli.run(`up --yes ${only}`)).stdout).toContain('Nothing to change');
    },
  );

  it('are skipped with one warning by mirror', slow, async () => {
    await withOddNodes();
    const { code, stderr } = await cli.run('mirror nginx:1.27');
    expect(code, stderr).toBe(0);
    expect(stderr.match(/report platforms that no image can have/g)).toHaveLength(1);
  });

  it('do not appear in the configuration file that init writes', slow, async () => {
    await withOddNodes();
    const { code, stderr } = await cli.run('init -c written.yaml');
    expect(code, stderr).toBe(0);
    const written = readFileSync(join(cli.folder, 'written.yaml'), 'utf8');
    expect(written).toContain('linux/amd64');
    expect(written).not.toMatch(/^images: \{\}/m);
  });
});

it('refuses a platform that is longer than any existing one', slow, async () => {
  cli = await openCli({}, { fast: true });
  const { code } = await cli.run(`mirror nginx:1.27 --platform linux/${'x'.repeat(300)}`);
  expect([1, 2]).toContain(code);
});
