import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

let cli: Cli;
const filesOf = (node: string) => Object.keys(cli.world.cluster.machine(node).files);
const configure = (config: object): void =>
  writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), JSON.stringify(config));
const agent = () =>
  cli.world.cluster.get('DaemonSet', 'node-access', 'ecr-bootstrap') as unknown as {
    readonly spec: { readonly template: { readonly spec: object } };
  };
const agentPods = () => cli.world.cluster.list('Pod', 'ecr-bootstrap');

async function succeed(args: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(args);
  expect(code, `${args}\n${stdout}${stderr}`).toBe(0);
  return stdout + stderr;
}

/** Three nodes; only the first one has the label `pool: airgapped`. */
async function open(): Promise<void> {
  const nodes = ['node-1', 'node-2', 'node-3'].map((name) => ({ name, architecture: 'amd64' }));
  cli = await openCli({ cluster: { nodes } }, { fast: true, config: '{}' });
  const node = cli.world.cluster.get('Node', 'node-1');
  if (!node) throw new Error('the node is missing');
  const { metadata } = node;
  cli.world.cluster.put({
    ...node,
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...metadata, labels: { ...metadata.labels, pool: 'airgapped' } },
  });
}

describe('a node selector that selects fewer nodes than before', () => {
  beforeAll(async () => {
    await open();
    await succeed('up --yes');
    configure({ nodes: { nodeSelector: { pool: 'airgapped' } } });
  }, 60_000);
  afterAll(() => cli.close());

  it('gets a plan that states from which nodes the files are removed', async () => {
    expect((await cli.run('up --dry-run')).stdout).toContain(
      'first removes the files from 2 nodes, for example node-2, which nodes.nodeSelector no longer selects',
    );
  });

  it('has no files on the other nodes after up, because their token would expire', async () => {
    expect(filesOf('node-3')).not.toEqual([]);
    await succeed('up --yes');
    expect([filesOf('node-2'), filesOf('node-3')]).toEqual([[], []]);
    expect(filesOf('node-1')).toContain('/etc/containerd/certs.d/docker.io/hosts.toml');
  });

  it('leaves an agent on the selected node only, with nothing of the removal in its template', async () => {
    expect(agentPods()).toHaveLength(1);
    expect(agent().spec.template.spec).not.toHaveProperty('affinity');
    await succeed('up --dry-run --exit-code');
    expect((await statusOf(cli, 'node-access')).findings.map(({ what }) => what)).toEqual([
      'node node-1 pulls from ECR',
    ]);
  });

  it('is reported by up and status if it selects no node at all', async () => {
    configure({ nodes: { nodeSelector: { pool: 'nowhere' } } });
    expect(await succeed('up --yes')).toContain('nodes.nodeSelector selects no Linux node');
    expect(filesOf('node-1')).toEqual([]);
    const { code, findings } = await statusOf(cli, 'node-access');
    expect(code).toBe(0);
    expect(findings).toMatchObject([
      { code: 'node-skipped', level: 'warning', what: 'no node pulls from ECR' },
    ]);
  });
});

describe('a policy that rejects the pods of the agent since they were created', () => {
  beforeAll(async () => {
    await open();
    await succeed('up --yes');
    cli.world.cluster.put({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'no-host-paths', namespace: 'ecr-bootstrap' },
      spec: { hard: { pods: '0' } },
    });
  }, 60_000);
  afterAll(() => cli.close());

  it('fails a rotation, which names it and leaves all agents but one', async () => {
    const { code, stdout, stderr } = await cli.run('rotate --yes');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('exceeded quota: no-host-paths');
    expect(agentPods()).toHaveLength(2);
  });

  it('fails an update of the agents in the same way', async () => {
    configure({ nodes: { nodeSelector: { 'kubernetes.io/arch': 'amd64' } } });
    const { code, stdout, stderr } = await cli.run('up --yes --only node-access');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('exceeded quota: no-host-paths');
    expect(agentPods()).toHaveLength(1);
  });
});
