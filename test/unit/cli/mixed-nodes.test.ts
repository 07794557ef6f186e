import { afterEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

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

it('copies an image for the nodes that its source serves, warns once of the others, and is healthy then', async () => {
  cli = await openCli({}, { hurried: true });
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

it('copies what a new node needs when the source has it', async () => {
  cli = await openCli({}, { hurried: true });
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

it('fails an image that is asked for with a list of platforms when its source lacks one', async () => {
  cli = await openCli({}, { hurried: true });
  const ran = await cli.run(`up --yes ${only} --skip operator-image --platform linux/amd64,linux/s390x`);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('linux/s390x');
});
