import { afterEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
afterEach(() => cli.close());

/** Counts what a command reads from the API server, by operation. */
async function readsOf(args: string): Promise<Readonly<Record<string, number>>> {
  const { calls } = cli.world.faults;
  const before = calls.length;
  const { code, stdout, stderr } = await cli.run(args);
  expect(code, `${args}\n${stdout}${stderr}`).toBe(0);
  const counts: Record<string, number> = {};
  for (const { service, operation } of calls.slice(before)) {
    if (service === 'kubernetes') counts[operation] = (counts[operation] ?? 0) + 1;
  }
  return counts;
}

async function createNamespaces(count: number): Promise<void> {
  const { cluster } = cli.world;
  for (let index = 0; index < count; index += 1) {
    const namespace = `team-${index}`;
    cluster.put({ kind: 'Namespace', metadata: { name: namespace } });
    cluster.put({ kind: 'ServiceAccount', metadata: { name: 'web', namespace } });
    cluster.put({
      kind: 'Pod',
      metadata: { name: 'web', namespace },
      spec: { serviceAccountName: 'web', containers: [{ name: 'web', image: 'nginx:1.27' }] },
    });
  }
}

it('status and an up without changes read as often with 60 namespaces as with 3', async () => {
  cli = await openCli({}, { fast: true });
  const measured = [];
  for (const count of [3, 60]) {
    await createNamespaces(count);
    await readsOf('up --yes');
    measured.push({ up: await readsOf('up --yes'), status: await readsOf('status') });
  }
  expect(measured[1]).toEqual(measured[0]);
  // Those of all namespaces once, and those in the namespace of the operator.
  expect(measured[0]?.up).toMatchObject({ 'list pods': 2, 'list serviceaccounts': 1, 'list secrets': 2 });
}, 120_000);
