import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { type Cli, type CliResult, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

const certs = '/etc/containerd/certs.d';

let cli: Cli;
const filesOf = (node: string) => cli.world.cluster.machine(node).files;

describe('a cluster whose second node ignores the files, and whose third node is not ready', () => {
  let before: CliResult;
  let first: CliResult;
  beforeAll(async () => {
    const node = (name: string) => ({ name, architecture: 'amd64' });
    const nodes = [
      node('node-1'),
      { ...node('node-2'), containerRuntimeVersion: 'containerd://1.7.27' },
      { ...node('node-3'), ready: false },
    ];
    cli = await openCli({ cluster: { nodes } }, { fast: true, config: '{}' });
    before = await cli.run('render node');
    first = await cli.run('up --yes');
  }, 60_000);
  afterAll(() => cli.close());

  it('has no script for nodes that join before up', () => {
    expect(before.code).toBe(1);
    expect(before.stderr).toContain('do not pull from ECR yet');
  });

  it('gets a plan that states what is written on which nodes, and what will fail', () => {
    expect(first.stdout).toContain('3 nodes, 2 upstream registries');
    expect(first.stdout).toContain('! pulls from docker.io, registry.k8s.io that are not in ECR will fail');
  });

  it('fails the run for the node that ignores the files only, after everything else is done', () => {
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('Node node-2 failed; everything else is done [incomplete]');
    expect(first.stderr).toMatch(/node node-3 does not pull from ECR \[node-skipped\]/);
    expect(first.stderr).not.toContain('Node node-1');
  });

  it('is not reported as a node that cannot resolve ECR while its agent is recreated', () => {
    expect(first.stderr).toContain('recreating pod node-access-');
    expect(first.stderr).not.toContain('cannot resolve the registry');
  });

  it('gets one file per registry, and one for the probe', () => {
    const project = `https://${cli.world.registryHost}/v2/shop`;
    for (const host of ['docker.io', 'registry.k8s.io', 'ecr-bootstrap.invalid']) {
      const text = filesOf('node-1')[`${certs}/${host}/hosts.toml`] ?? '';
      const [login = ''] = /(?<=Basic ).*(?=")/.exec(text) ?? [];
      expect(text).toBe(
        [
          '# managed by ecr-bootstrap shop',
          `server = "${project}/${host}"`,
          'override_path = true',
          'capabilities = ["pull", "resolve"]',
          '[header]',
          `Authorization = "Basic ${login}"`,
          '',
        ].join('\n'),
      );
      expect(Buffer.from(login, 'base64').toString()).toMatch(/^AWS:\S+$/);
    }
    expect(Object.keys(filesOf('node-3'))).toEqual([]);
  });

  it('is unhealthy, with the changes to make on the node', async () => {
    const { code, findings: found } = await statusOf(cli, 'node-access');
    expect(code).toBe(3);
    expect(found.map(({ code: id, level, what }) => [id, level, what])).toEqual([
      ['ok', 'ok', 'node node-1 pulls from ECR'],
      ['node-mirror-inactive', 'failed', 'node node-2 does not pull from ECR'],
      ['node-skipped', 'warning', 'node node-3 does not pull from ECR'],
    ]);
    expect(found[1]).toMatchObject({
      hint: expect.stringContaining(
        'On node-2, make these changes, then run: `systemctl restart containerd`',
      ) as string,
      lines: [
        '# In /etc/containerd/config.toml, set config_path in this section. If the section exists, change its line.',
        '# The file must begin with: version = 2',
        '[plugins."io.containerd.grpc.v1.cri".registry]',
        '  config_path = "/etc/containerd/certs.d"',
        '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.',
        '# containerd refuses them together with config_path.',
        '# Before the restart, check the file: containerd config dump',
      ],
    });
  });

  it('has no workload that pulls from the internet, under whatever name', async () => {
    const { document } = await cli.json('status --only images');
    expect(JSON.stringify(document)).not.toContain('internet-image');
    expect(JSON.stringify(document)).not.toContain('static-pod-image');
    expect(first.stdout).not.toContain('from the internet:');
  });

  it('lists which images nodes pull under their public names', async () => {
    const { document } = await cli.json('images');
    const { images } = document['images'] as {
      images: readonly { readonly source: string; readonly mirrored: boolean }[];
    };
    const other = images.filter(({ mirrored }) => !mirrored).map(({ source }) => source);
    expect(other).toEqual([
      'ghcr.io/external-secrets/external-secrets:v0.12.1',
      expect.stringMatching(/^ecr-bootstrap\.invalid\/probe:1\.37-[0-9a-f]{12}$/),
    ]);
    expect((await cli.run('images')).stdout).toContain(
      'Nodes pull 9 of 11 images from ECR under the public name.',
    );
  });

  it('prints the object of the step without a secret', async () => {
    const { stdout } = await cli.run('render node-access');
    expect(stdout).toContain('kind: DaemonSet');
    expect(stdout).not.toMatch(/Basic [A-Za-z0-9]/);
  });

  it('has the script of the agent in a ConfigMap, and only its checksum in each pod', async () => {
    const { document } = await cli.json('render node-access');
    const { objects } = document['objects'] as {
      readonly objects: readonly (KubeObject & { readonly data?: Readonly<Record<string, string>> })[];
    };
    const script = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['node-access.sh'] ?? '';
    expect(script).toContain('watch_once()');
    const daemonSet = JSON.stringify(objects.find(({ kind }) => kind === 'DaemonSet'));
    expect(daemonSet).toContain(createHash('sha256').update(script).digest('hex'));
    expect(daemonSet.length).toBeLessThan(6000);
  });

  it('gets a script for nodes that join, with the registries and without a secret', async () => {
    const { code, stdout } = await cli.run('render node');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#!\/bin\/sh\nMODE='write'\nPROJECT='shop'\n/);
    expect(stdout).toContain(`ECR='${cli.world.registryHost}'\n`);
    expect(stdout).toContain("HOSTS='docker.io ecr-bootstrap.invalid registry.k8s.io'\n");
    const file = join(cli.folder, 'node.sh');
    writeFileSync(file, stdout);
    execFileSync('sh', ['-n', file]);
  });

  it('gets a script that removes the files, also without a cluster', async () => {
    const { code, stdout } = await cli.run('render node --remove', { env: { KUBECONFIG: undefined } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#!\/bin\/sh\nMODE='remove'\nPROJECT='shop'\n/);
    expect((await cli.run('render --remove')).code).toBe(2);
  });

  it('explains a pod whose image is not in ECR by the command that copies it', async () => {
    cli.world.cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'new', namespace: 'shop' },
      spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'nginx:1.28' }] },
    });
    await cli.world.cluster.settled();
    const { document } = await cli.json('status --only service-accounts');
    expect(JSON.stringify(document)).toContain(
      '"why":"the image is not in ECR","hint":"Run `ecr-bootstrap why pod/new -n shop`."',
    );
    const { document: explained } = await cli.json('why pod/new -n shop');
    expect(JSON.stringify(explained)).toContain('"fix":"ecr-bootstrap mirror docker.io/library/nginx:1.28"');
  });

  it('is complete after the configuration of the node was fixed, and the next run changes nothing', async () => {
    cli.world.cluster.machine('node-2').setReadsMirrors(true);
    cli.world.clock.advance(6 * 60_000);
    await cli.world.cluster.settled();
    expect((await cli.run('up --yes --skip images')).code).toBe(0);
    expect((await cli.run('up --dry-run --exit-code --only node-access')).code).toBe(0);
    expect((await statusOf(cli, 'node-access')).code).toBe(0);
  });
});
