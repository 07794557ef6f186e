import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { nodeAccessConfig } from './nodes.ts';
import { causeOfFailure, health, succeed, unwrap } from './site.ts';
import { waitFor } from './wait.ts';

const certificates = '/etc/containerd/certs.d';
const local = `${certificates}/mirror.local/hosts.toml`;
const blocking = `${certificates}/docker.io/hosts.toml`;
const content = '# managed by another program\nserver = "https://mirror.local"\n';

type Files = Readonly<Record<string, string>>;

describe('a node with mirror files of another program', () => {
  const world = openWorld();
  let before: Files;
  let foldersBefore: string;

  /** The files of the first node, and its folders where a shell shows them. */
  const files = async (): Promise<Files> => (await (await world).nodes[0]?.files()) ?? {};
  const folders = async () =>
    can('node shell')
      ? ((await (await world).nodes[0]?.runScript('find /etc/containerd | sort'))?.stdout ?? '')
      : '';

  beforeAll(async () => {
    const { configure, nodes } = await world;
    // Earlier scenarios leave their files.
    await configure({ ...nodeAccessConfig, nodes: { access: 'off' } });
    await succeed(await world, 'up', '--yes');
    await configure(nodeAccessConfig);
    await nodes[0]?.writeFile(local, content);
    before = await files();
    foldersBefore = await folders();
    await succeed(await world, 'up', '--yes');
  });

  restoreAfterAll(async () => {
    const [node] = (await world).nodes;
    for (const path of [local, blocking]) if (path in (await files())) await node?.removeFile(path);
  });

  it('keeps them byte for byte, next to those of ecr-bootstrap', async () => {
    const after = await files();
    expect(after).toMatchObject(before);
    expect(Object.keys(after)).toContain(blocking);
  });

  it('keeps a file that replaces one of ecr-bootstrap, and status reports it', async () => {
    await (await world).nodes[0]?.writeFile(blocking, content);
    await waitFor('the finding', async () => {
      const { findings } = await health(await world);
      return findings.includes('node-agent-unready') || undefined;
    });
    const { stdout } = await (await world).run('status');
    expect(unwrap(stdout)).toContain(blocking);
    expect((await files())[blocking]).toBe(content);
  });

  it('is what why names for a pod that needs the replaced file', async () => {
    expect(await causeOfFailure(await world, 'shop', 'nginx:1.28')).toBe('files-of-others');
  });

  it.runIf(can('node shell'))('is as before after down, its folders too', async () => {
    await succeed(await world, 'down', '--yes');
    expect(await files()).toEqual({ ...before, [blocking]: content });
    await (await world).nodes[0]?.runScript(`rm -r ${certificates}/docker.io`);
    expect(await folders()).toBe(foldersBefore);
  });
});
