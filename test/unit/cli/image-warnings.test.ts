import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  for (const tag of ['2.4', '2.5', '2.6']) cli.world.sources.get('docker.io')?.seed('library/httpd', tag, {});
  for (const tag of ['1', '2']) cli.world.sources.get('quay.io')?.seed('a/b', tag, {});
  expect((await cli.run('up --yes')).code).toBe(0);
});
afterAll(() => cli.close());

const lists = () =>
  cli.world.cluster.list('ConfigMap').filter(({ metadata }) => metadata.name.startsWith('image-list'));
const listed = (reference: string): boolean => JSON.stringify(lists()).includes(` ${reference} `);
const namesOfLists = () => lists().map(({ metadata }) => metadata.name);
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

  it('completes an update that was interrupted after the first list', async () => {
    expect((await cli.run('mirror quay.io/a/b:1')).code).toBe(0);
    cli.world.cluster.delete('ConfigMap', 'image-list.quay.io', 'external-secrets');
    expect((await cli.run('mirror quay.io/a/b:1')).stdout).toContain('1 current');
    expect(namesOfLists()).toContain('image-list.quay.io');
    expect(await findings()).toEqual([]);
  });

  it('lists what it pushed, with its platforms, although ECR does not list it yet', async () => {
    const platforms = ['linux/amd64', 'linux/arm64'];
    cli.world.sources.get('docker.io')?.seed('team/late', '1', { platforms });
    const undo = cli.world.aws.lags.plan({ service: 'ecr', milliseconds: 60_000, reads: /^ListImages$/ });
    expect((await cli.run('mirror team/late:1 --platform all')).code).toBe(0);
    undo();
    expect(listed('team/late:1')).toBe(true);
    expect(await findings()).not.toContain('image-list-outdated');
  });
});

describe('images --prune', () => {
  it('removes deleted images from the lists, and the list of a host of which ECR has no image left', async () => {
    expect((await cli.run('mirror quay.io/a/b:1')).code).toBe(0);
    expect(listed('library/httpd:2.4')).toBe(true);
    expect(namesOfLists()).toContain('image-list.quay.io');
    const metadata = { name: 'image-list.theirs', namespace: 'external-secrets' };
    cli.world.cluster.put({ kind: 'ConfigMap', metadata, data: { mine: 'yes' } });
    cli.world.clock.advance(2 * 3_600_000);
    const { code, stderr } = await cli.run('images --prune --yes');
    expect(code, stderr).toBe(0);
    expect(cli.world.cluster.get('ConfigMap', metadata.name, metadata.namespace)).toBeDefined();
    cli.world.cluster.delete('ConfigMap', metadata.name, metadata.namespace);
    expect(listed('library/httpd:2.4')).toBe(false);
    expect(namesOfLists()).not.toContain('image-list.quay.io');
    expect(await findings()).toEqual([]);
  });

  it('says in one line that the lists are outdated if the cluster refuses the update, and does not fail', async () => {
    expect((await cli.run('mirror quay.io/a/b:2')).code).toBe(0);
    cli.world.clock.advance(2 * 3_600_000);
    const undo = cli.world.faults.plan({ kind: 'deny', operation: 'patch configmaps' });
    const { code, stderr } = await cli.run('images --prune --yes');
    undo();
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/list of images in the cluster was not updated \(.*up --only image-warnings/);
    expect(await findings()).toContain('image-list-outdated');
  });
});

describe('up without the right to check the warnings', () => {
  it('names the missing right, and does not suggest to delete the policy', async () => {
    expect((await cli.run('up --yes --only image-warnings')).code).toBe(0);
    const undo = cli.world.faults.plan({ kind: 'deny', operation: 'create podtemplates' });
    const { code, stderr } = await cli.run('up --yes --only image-warnings');
    undo();
    expect(code).toBe(1);
    expect(stderr).toContain('podtemplates');
    expect(stderr).toContain('ecr-bootstrap policy cluster');
    expect(stderr).not.toContain('kubectl delete');
  });
});

describe('mirror without lists in the cluster', () => {
  it('writes no list and says nothing if the cluster has none', async () => {
    for (const { metadata } of lists())
      cli.world.cluster.delete('ConfigMap', metadata.name, metadata.namespace);
    const { code, stderr } = await cli.run('mirror httpd:2.4');
    expect(code).toBe(0);
    expect(stderr).not.toContain('list of images');
    expect(lists()).toEqual([]);
  });
});

interface Planned {
  readonly step: string;
  readonly changes: readonly { readonly action: string; readonly target: { readonly name: string } }[];
}

describe('up', () => {
  const config = 'images: {list: [quay.io/a/b:2, httpd:2.5]}';
  const changesOf = (document: object): readonly string[] =>
    (document as { plan: { steps: readonly Planned[] } }).plan.steps
      .filter(({ step }) => step === 'image-warnings')
      .flatMap(({ changes }) => changes.map(({ action, target }) => `${action} ${target.name}`));

  it('plans the changes of the lists that follow from the images it will copy, and makes no others', async () => {
    expect((await cli.run('up --yes')).code).toBe(0);
    writeFileSync(join(cli.folder, 'more.yaml'), config);
    const { document } = await cli.json('up --yes -c more.yaml');
    expect([...changesOf(document)].sort()).toEqual([
      'create external-secrets/image-list.quay.io',
      'update external-secrets/image-list',
      expect.stringMatching(/^update external-secrets\/image-list\.\d+\.dkr\.ecr\./),
      'update external-secrets/image-list.docker.io',
    ]);
    expect(document['result']).toMatchObject({ unplanned: 0 });
    expect(await findings()).toEqual([]);
  });

  it('applies a plan by its digest although the plan says only that the lists will change', async () => {
    writeFileSync(join(cli.folder, 'more.yaml'), config.replace(']', ', httpd:2.6]'));
    const { document } = await cli.json('up --dry-run -c more.yaml');
    expect(changesOf(document)).toHaveLength(2);
    const { digest } = document['plan'] as { readonly digest: string };
    const { code, stderr } = await cli.run(`up --yes -c more.yaml --expect-plan ${digest}`);
    expect(code, stderr).toBe(0);
    expect(listed('library/httpd:2.6')).toBe(true);
  });

  it('plans no change of the lists while images.warnings is off', async () => {
    writeFileSync(join(cli.folder, 'off.yaml'), 'images: {list: [quay.io/a/b:1], warnings: off}');
    const { document } = await cli.json('up --dry-run -c off.yaml');
    expect(new Set(changesOf(document).map((change) => change.split(' ')[0]))).toEqual(new Set(['delete']));
  });
});

describe('status', () => {
  it('reports a changed policy and a missing list only as such, although there are no warnings then', async () => {
    const { cluster } = cli.world;
    const restore = cluster.save();
    const [policy] = cluster.list('ValidatingAdmissionPolicy');
    if (policy) cluster.put({ ...policy, spec: { ...(policy['spec'] as object), validations: [] } });
    expect(await findings()).toEqual(['drift']);
    restore();
    cluster.delete('ConfigMap', 'image-list', 'external-secrets');
    expect(await findings()).toEqual(['image-list-outdated']);
    restore();
  });

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

  it('is followed by a status that reports it as a warning, with the command that restarts the API server', async () => {
    const { code, findings: found } = await statusOf(cli, 'image-warnings');
    expect(code).toBe(0);
    expect(found.map((finding) => finding.code)).toEqual(['image-warnings-inactive']);
    expect(found[0]?.hint).toContain('crictl stop');
  });

  it('is followed by a status that says nothing if it may not find out', async () => {
    const undo = cli.world.faults.plan({ kind: 'deny', operation: 'create podtemplates' });
    expect(await findings()).toEqual([]);
    undo();
  });

  it('warns again in a run that changes nothing, at once', async () => {
    const { code, stdout, stderr } = await cli.run('up --yes');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Nothing to change.');
    expect(stderr).toContain('[image-warnings-inactive]');
    expect(stderr).not.toContain('waiting for the admission policy');
  });
});
