import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  cli.world.sources.get('docker.io')?.seed('library/httpd', '2.4', {});
  expect((await cli.run('up --yes')).code).toBe(0);
});
afterAll(() => cli.close());

const lists = () =>
  cli.world.cluster.list('ConfigMap').filter(({ metadata }) => metadata.name.startsWith('image-list'));
const listed = (reference: string): boolean => JSON.stringify(lists()).includes(` ${reference} `);
const findings = async (): Promise<string[]> =>
  (await statusOf(cli, 'image-warnings')).findings.flatMap(({ code, level }) =>
    level === 'ok' ? [] : [code],
  );

describe('mirror', () => {
  it('says in one line that the list is outdated if the cluster does not answer, and does not fail', async () => {
    const undo = cli.world.faults.plan({ kind: 'reset', service: 'kubernetes' });
    const { code, stderr } = await cli.run('mirror httpd:2.4 --platform linux/amd64');
    undo();
    expect(code).toBe(0);
    expect(stderr).toMatch(/list of images in the cluster was not updated \(.*up --only image-warnings/);
    expect(listed('library/httpd:2.4')).toBe(false);
  });

  it('leaves an outdated list, which status reports as a warning and not as drift', async () => {
    expect(await findings()).toEqual(['image-list-outdated', 'image-list-outdated']);
    expect((await cli.run('status')).code).toBe(0);
  });

  it('repairs the list the next time it reaches the cluster, also for images that ECR already had', async () => {
    const { code, stderr } = await cli.run('mirror httpd:2.4');
    expect(code).toBe(0);
    expect(stderr).not.toContain('not updated');
    expect(listed('library/httpd:2.4')).toBe(true);
    expect(await findings()).toEqual([]);
  });

  it('writes no list if the cluster has none', async () => {
    for (const { metadata } of lists())
      cli.world.cluster.delete('ConfigMap', metadata.name, metadata.namespace);
    expect((await cli.run('mirror httpd:2.4')).code).toBe(0);
    expect(lists()).toEqual([]);
  });
});
