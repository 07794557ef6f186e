import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { clusters } from '../../test/lab/names.ts';
import { kubeconfigOf } from '../../test/lab/paths.ts';
import { startProduct } from '../../test/lab/product.ts';
import { labWorld } from '../../test/lab/world.ts';
import { spreadOf } from '../mirror/results.ts';
import { Api } from './api.ts';
import { FakeNodes, type Pod } from './fake-nodes.ts';

/** `npm run bench:scale -- [--factor 0.1] [--rounds 5]`, in a new lab that is up. */
const { values } = parseArgs({
  options: { factor: { type: 'string', default: '1' }, rounds: { type: 'string', default: '5' } },
});
const times = (count: number): number => Math.ceil(count * Number(values.factor));
const namespaces = Array.from({ length: times(1000) }, (_, index) => `scale-${index}`);
const nodeCount = times(300);
const serviceAccounts = ['default', 'web', 'worker'];
const podsPerNamespace = 10;
/** Images of the lab's registries. */
const images = ['nginx:1.28', 'redis:8', 'quay.io/prometheus/node-exporter:v1.9.1'];

/** Makes Node print the peak of its memory in KiB. */
const printMemory = `--import=data:text/javascript,process.on('exit',()=>process.stderr.write('rss='+process.resourceUsage().maxRSS))`;

const api = await Api.open(kubeconfigOf(clusters.first, 'admin'));
const nodes = new FakeNodes(api, nodeCount);
try {
  await labWorld(clusters.first).configure({ images: { list: images } });
  await timed('nodes', () => nodes.start());
  await timed('namespaces, service accounts, Deployments and pods', makeObjects);
  print(['command', 'median', 'range', 'memory', 'lists']);
  await measure('first up', 1, 'up', '--yes');
  await measure('up without changes', Number(values.rounds), 'up', '--yes');
  await measure('status', Number(values.rounds), 'status');
  print(['new namespace gets its secret', seconds(await newNamespace('quiet'))]);
  await refreshAll();
  print(['the same while all secrets refresh', seconds(await newNamespace('busy'))]);
} finally {
  await nodes.stop();
  await api.close();
}

async function makeObjects(): Promise<void> {
  await pLimit(16).map(namespaces, async (namespace, index) => {
    const core = `/api/v1/namespaces/${namespace}`;
    await api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    // The controller that creates `default` is slower.
    for (const name of serviceAccounts) await api.create(`${core}/serviceaccounts`, { metadata: { name } });
    await api.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, deployment(index));
    for (let number = 0; number < podsPerNamespace; number += 1) {
      const pod = podOf(namespace, index * podsPerNamespace + number);
      await api.create(`${core}/pods`, pod);
      await nodes.run(pod);
    }
  });
}

const podSpec = (number: number) => ({
  automountServiceAccountToken: false,
  tolerations: [{ operator: 'Exists' }],
  containers: [{ name: 'main', image: images[number % images.length] ?? '' }],
});

function podOf(namespace: string, number: number): Pod {
  return {
    metadata: { namespace, name: `pod-${number}` },
    spec: { ...podSpec(number), nodeName: nodes.name(number) },
    status: { phase: 'Pending' },
  };
}

/** Without pods, because the controllers of Kubernetes would create only twenty a second. */
const deployment = (index: number) => ({
  metadata: { name: 'web' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: podSpec(index) },
  },
});

/** Runs a command several times. Its exit code must be 0. */
async function measure(title: string, rounds: number, ...args: readonly string[]): Promise<void> {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) {
    const lists = await api.listCount();
    const began = performance.now();
    const { code, stdout, stderr } = await startProduct(args, { NODE_OPTIONS: printMemory }).ended;
    const ms = performance.now() - began;
    if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}:\n${stderr}${stdout}`);
    const peakBytes = Number(/rss=(\d+)/.exec(stderr)?.[1]) * 1024;
    runs.push({ ms, peakBytes, lists: (await api.listCount()) - lists });
  }
  const { min, median, max } = spreadOf(runs.map(({ ms }) => ms));
  const memory = spreadOf(runs.map(({ peakBytes }) => peakBytes)).max / 1e6;
  const lists = spreadOf(runs.map((run) => run.lists)).median;
  print([title, seconds(median), `${seconds(min)}-${seconds(max)}`, `${memory.toFixed(0)} MB`, `${lists}`]);
}

/** @returns milliseconds from the creation of a namespace to its pull secret */
async function newNamespace(name: string): Promise<number> {
  const began = performance.now();
  await api.create('/api/v1/namespaces', { metadata: { name } });
  while ((await api.get(`/api/v1/namespaces/${name}/secrets/puller`)) === undefined) await sleep(50);
  return performance.now() - began;
}

/** Requests that the operator refreshes every ExternalSecret at once. */
async function refreshAll(): Promise<void> {
  const path = '/apis/external-secrets.io/v1beta1';
  const { items = [] } = (await api.get<{ items: Pod[] }>(`${path}/externalsecrets`)) ?? {};
  const annotations = { 'force-sync': `${Date.now()}` };
  await pLimit(16).map(items, ({ metadata: { namespace, name } }) =>
    api.patch(`${path}/namespaces/${namespace}/externalsecrets/${name}`, { metadata: { annotations } }),
  );
}

async function timed(what: string, act: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await act();
  process.stdout.write(`created ${what} in ${seconds(performance.now() - began)}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}

function print([name = '', ...cells]: readonly string[]): void {
  process.stdout.write(`${name.padEnd(40)}${cells.map((cell) => cell.padStart(16)).join('')}\n`);
}
