import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, type CliResult, openCli } from '../../support/cli.ts';

const registries = '/etc/containers/registries.conf.d';
const loginFile = '/etc/crio/ecr-bootstrap-auth.json';
const settingsFile = '/etc/crio/crio.conf.d/ecr-bootstrap.conf';

describe('a cluster of which one node runs CRI-O', () => {
  let cli: Cli;
  let first: CliResult;
  const machine = (node = 'node-2') => cli.world.cluster.machine(node);
  const agentOf = () =>
    cli.world.cluster.get('DaemonSet', 'node-access', 'ecr-bootstrap') as unknown as {
      spec: { template: { spec: { volumes: { name: string }[] } } };
    };

  beforeAll(async () => {
    const nodes = [
      { name: 'node-1', architecture: 'amd64' },
      { name: 'node-2', architecture: 'amd64', containerRuntimeVersion: 'cri-o://1.34.0' },
    ];
    cli = await openCli({ cluster: { nodes } }, { fast: true, config: '{}' });
    first = await cli.run('up --yes');
  }, 60_000);
  afterAll(() => cli.close());

  it('has every file for CRI-O on that node, and none on the other', () => {
    const hosts = ['docker.io', 'ecr-bootstrap.invalid', 'registry.k8s.io'];
    const files = hosts.map((host) => `${registries}/ecr-bootstrap-${host}.conf`);
    expect(Object.keys(machine().files)).toEqual([...files, settingsFile, loginFile].sort());
    expect(Object.keys(machine('node-1').files).some((path) => !path.startsWith('/etc/containerd/'))).toBe(
      false,
    );
  });

  it('reports that the node does not use them, with the one command that is left', async () => {
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('Node node-2');
    const { code, stdout } = await cli.run('status --only node-access');
    expect(code).toBe(3);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toContain('cri-o://1.34.0 does not use the files in /etc/containers/registries.conf.d');
    expect(text).toContain('run: `systemctl restart crio`. Running containers continue; to test it at once');
  });

  it('is healthy after a restart of CRI-O', async () => {
    machine().restartCrio();
    expect((await cli.run('up --yes')).code).toBe(0);
    expect((await cli.run('status')).code).toBe(0);
    expect((await cli.run('up --dry-run -o json')).stdout).toContain('"changes": []');
  });

  it('stays healthy without a restart while tokens expire, and CRI-O then uses the renewed one', async () => {
    const before = machine().files[loginFile];
    for (let hour = 0; hour < 13; hour += 1) {
      cli.world.clock.advance(3_600_000);
      await cli.world.cluster.settled();
    }
    expect(machine().files[loginFile]).not.toBe(before);
    expect((await cli.run('status')).code).toBe(0);
  });

  it('keeps an entry of another program, and reports its file with a fix', async () => {
    const restore = cli.world.cluster.save();
    machine().removeFile(`${registries}/ecr-bootstrap-docker.io.conf`);
    machine().writeFile(`${registries}/corp.conf`, '[[registry]]\nlocation = "docker.io"\n');
    cli.world.clock.advance(60_000);
    await cli.world.cluster.settled();
    const { code, stdout } = await cli.run('status --only node-access');
    expect(code).toBe(3);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toContain(`${registries}/corp.conf has an entry for docker.io`);
    expect(text).toContain('Delete this entry on the node');
    restore();
  });

  it('has the folders of CRI-O in the agent only while a node needs them', async () => {
    const names = () => agentOf().spec.template.spec.volumes.map(({ name }) => name);
    expect(names()).toEqual(['containerd', 'containers', 'crio', 'mirrors', 'script']);
  });

  it('keeps no file after down', async () => {
    expect((await cli.run('down --yes')).code).toBe(0);
    expect(machine().files).toEqual({});
    expect(machine('node-1').files).toEqual({});
  });
});
