import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clusters, registry } from '../../test/lab/names.ts';
import { kubeconfigOf } from '../../test/lab/paths.ts';
import { labWorld } from '../../test/lab/world.ts';
import { Api } from './api.ts';
import { measure, measureInTurns } from './commands.ts';
import { FakeNodes } from './fake-nodes.ts';
import { newNamespacesDuring, untilNextRefresh, untilRefreshed } from './new-namespaces.ts';
import { copyEveryMinutes, createObjects, settings, type Size, sizeOf } from './objects.ts';
import { markdown, type Report } from './report.ts';
import { measureWarnings } from './warnings.ts';

interface Setup {
  readonly api: Api;
  readonly nodes: FakeNodes;
  readonly size: Size;
  /** How often each command without changes runs. */
  readonly rounds: number;
}

/** `npm run bench:scale -- [--factor 0.1] [--rounds 5]`, in a new lab that is up. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { factor: { type: 'string', default: '1' }, rounds: { type: 'string', default: '5' } },
  });
  const size = sizeOf(Number(values.factor));
  const api = await Api.open(kubeconfigOf(clusters.first, 'admin'));
  const nodes = new FakeNodes(api, size.nodes);
  try {
    const report = markdown(await measureAll({ api, nodes, size, rounds: Number(values.rounds) }));
    if (values.factor === '1') {
      const file = fileURLToPath(new URL('../results/scale.md', import.meta.url));
      await writeFile(file, `# Scale\n\n${report}`);
    }
    process.stdout.write(report);
  } finally {
    await nodes.stop();
    await api.close();
  }
}

async function measureAll({ api, nodes, size, rounds }: Setup): Promise<Report> {
  const namespaces = new Set(size.namespaces);
  await labWorld(clusters.first).configure(settings);
  await nodes.start();
  await createObjects(api, nodes, size.namespaces);
  log(`created ${size.text}`);

  const first = await logged(nodes.runAgentsDuring(() => measure(api, 'first up', 'up', '--yes')));
  const quiet = await measureInTurns(api, rounds, {
    'up without changes': ['up', '--yes'],
    status: ['status'],
    why: ['why', 'pod/pod-1', '--namespace', 'scale-0'],
  });
  for (const one of quiet) logResult(one);
  const rest = await logged(newNamespacesDuring(api, 'at rest', sleep(10_000)));
  await untilNextRefresh(api, namespaces, copyEveryMinutes * 60_000);
  const refresh = untilRefreshed(api, namespaces);
  const busy = await logged(newNamespacesDuring(api, 'during a regular refresh', refresh));
  const rotation = nodes.runAgentsDuring(() => measure(api, 'rotate', 'rotate', '--yes'));
  const busiest = await logged(newNamespacesDuring(api, 'while rotate refreshes all at once', rotation));

  const rotate = await logged(rotation);
  const { project } = labWorld(clusters.first);
  const [namespace = ''] = size.namespaces;
  // The API server still works on what the rotation changed.
  await sleep(30_000);
  const warnings = await logged(measureWarnings(api, { namespace, registry, project }));

  return {
    size: size.text,
    versions: await versionsIn(api),
    commands: [first, ...quiet, rotate],
    waits: [rest, busy, busiest],
    warnings,
  };
}

async function versionsIn(api: Api): Promise<Report['versions']> {
  const { gitVersion = '' } = (await api.get<{ gitVersion: string }>('/version')) ?? {};
  const path = '/apis/apps/v1/namespaces/external-secrets/deployments/external-secrets';
  const operator = await api.get<Deployment>(path);
  const image = operator?.spec.template.spec.containers[0].image ?? '';
  return {
    Kubernetes: gitVersion,
    'External Secrets Operator': image.replace(/^.*:/, ''),
    Node: process.version,
  };
}

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [{ image: string }] } };
  };
}

async function logged<T extends { readonly title: string }>(work: Promise<T>): Promise<T> {
  const result = await work;
  logResult(result);
  return result;
}

const logResult = (result: { readonly title: string }): void =>
  log(`${result.title}: ${JSON.stringify(result)}`);

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
