import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  for (const tag of ['2.4', '2.5']) cli.world.sources.get('docker.io')?.seed('library/httpd', tag, {});
  cli.world.sources.get('quay.io')?.seed('a/b', '1', {});
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

  it('keeps what another run adds to the lists at the same time', async () => {
    const { cluster, faults } = cli.world;
    let writes = 0;
    const stop = faults.onCall(({ operation }) => {
      if (operation !== 'patch configmaps' || (writes += 1) > 1) return;
      for (const list of lists()) {
        cluster.put({ ...list, metadata: { ...list.metadata, annotations: { touched: 'yes' } } });
      }
    });
    const { code, stderr } = await cli.run('mirror httpd:2.5');
    stop();
    expect(code).toBe(0);
    expect(stderr).not.toContain('not updated');
    expect(writes).toBeGreaterThan(2);
    expect(listed('library/httpd:2.5')).toBe(true);
  });

  it('leaves a ConfigMap of someone else with the name of a list alone', async () => {
    const { cluster } = cli.world;
    const name = 'image-list.quay.io';
    const other = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'external-secrets' } };
    cluster.put({ ...other, data: { mine: 'yes' } });
    expect((await cli.run('mirror quay.io/a/b:1')).code).toBe(0);
    expect(cluster.get('ConfigMap', name, 'external-secrets')?.['data']).toEqual({ mine: 'yes' });
    cluster.delete('ConfigMap', name, 'external-secrets');
  });

  it('writes no list and says nothing if the cluster has none', async () => {
    for (const { metadata } of lists())
      cli.world.cluster.delete('ConfigMap', metadata.name, metadata.namespace);
    const { code, stderr } = await cli.run('mirror httpd:2.4');
    expect(code).toBe(0);
    expect(stderr).not.toContain('list of images');
    expect(lists()).toEqual([]);
  });
});

describe('status', () => {
  it('reports missing lists as drift while the policy is missing too', async () => {
    cli.world.cluster.delete('ValidatingAdmissionPolicy', 'ecr-bootstrap-images');
    expect(new Set(await findings())).toEqual(new Set(['drift']));
  });
});

describe('up after down', () => {
  it('warns without failing that the API server reads earlier lists until it restarts', async () => {
    expect((await cli.run('up --yes')).code).toBe(0);
    expect((await cli.run('down --yes')).code).toBe(0);
    cli.world.sources.get('docker.io')?.seed('library/httpd', '9.1', {});
    expect((await cli.run('mirror httpd:9.1')).code).toBe(0);
    const { code, stderr } = await cli.run('up --yes');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/kubectl warns about the wrong images, or about none \[image-warnings-inactive\]/);
    expect(stderr).toMatch(/why: +the API server reads an earlier list;/);
  });

  it('warns again in a run that changes nothing, at once', async () => {
    const { code, stdout, stderr } = await cli.run('up --yes');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Nothing to change.');
    expect(stderr).toContain('[image-warnings-inactive]');
    expect(stderr).not.toContain('waiting for the admission policy');
  });
});
