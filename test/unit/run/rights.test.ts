import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../sandbox/cluster/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeEach(async () => {
  cli = await openCli({}, { fast: true });
  const { document } = await cli.json('policy cluster --user jane');
  const { items } = (document['document'] as { document: { readonly items: readonly KubeObject[] } })
    .document;
  for (const item of items) cli.world.cluster.put(item);
  const kubeconfig = cli.world.cluster.kubeconfig(cli.world.clusterUrl, cli.world.caPem, 'jane');
  writeFileSync(join(cli.folder, 'jane'), kubeconfig);
});
afterEach(() => cli.close());

/** What `doctor` prints about the rights in the cluster, and the reviews that it asked for. */
async function look(): Promise<{ readonly line: string; readonly reviews: readonly string[] }> {
  cli.world.faults.calls.splice(0);
  const { stdout } = await cli.run('doctor --kubeconfig jane');
  return {
    line: /^. Cluster rights +(.*)$/m.exec(stdout)?.[1] ?? '',
    reviews: cli.world.faults.calls.flatMap(({ operation }) => /selfsubject\w+/.exec(operation) ?? []),
  };
}

/** Changes the rules of a role of the user. */
function editRules(kind: 'ClusterRole' | 'Role', edit: (rule: Rule) => Rule): void {
  const namespace = kind === 'Role' ? 'kube-system' : undefined;
  const role = cli.world.cluster.get(kind, 'ecr-bootstrap', namespace);
  if (!role) throw new Error(`there is no ${kind}`);
  cli.world.cluster.put({ ...role, rules: (role['rules'] as Rule[]).map(edit) });
}

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const everything = 'everything that `ecr-bootstrap policy cluster` lists';
const twoLists = ['selfsubjectrulesreviews', 'selfsubjectrulesreviews'];

describe('the rights in the cluster', () => {
  it('are all listed by two requests, for the roles that `policy cluster` prints', async () => {
    expect(await look()).toEqual({ line: everything, reviews: twoLists });
  });

  it('are asked for one by one if the list does not show them', async () => {
    editRules('ClusterRole', (rule) =>
      rule.resources.includes('nodes') ? { ...rule, verbs: ['get'] } : rule,
    );
    const { line, reviews } = await look();
    expect(line).toContain("the kubeconfig's user may not list nodes");
    expect(reviews).toEqual([...twoLists, 'selfsubjectaccessreviews']);
  });

  it('in a namespace do not count for the whole cluster', async () => {
    const rules = cli.world.cluster.get('ClusterRole', 'ecr-bootstrap')?.['rules'];
    cli.world.cluster.put({
      kind: 'Role',
      metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' },
      rules,
    });
    editRules('ClusterRole', (rule) => ({ ...rule, verbs: [] }));
    expect((await look()).line).toContain('may not create configmaps');
  });

  it('of the lease are needed', async () => {
    editRules('Role', (rule) => ({ ...rule, verbs: rule.verbs.filter((verb) => verb !== 'create') }));
    expect((await look()).line).toContain('may not create leases.coordination.k8s.io');
  });
});
