import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../test/support/real.ts';
import { type Options, readOptions, type Transport, usage } from './options.ts';
import { peerVersions } from './peers.ts';
import { plot } from './plot.ts';
import { BenchRegistry } from './registry.ts';
import { type Comparison, merged, type Sample } from './results.ts';
import { seed } from './seed.ts';
import { type ImageSet, imageSet } from './sets.ts';
import { markdown } from './table.ts';
import { prepare, type Tool } from './tools.ts';
import { type Ground, trial } from './trial.ts';

/** Measures and writes the results. @returns what to show */
async function run(options: Options): Promise<string> {
  const tools = options.tools.map(prepare);
  // On disk, the disk would be measured.
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const root = await mkdtemp(join(memory, 'ecr-bootstrap-bench-'));
  process.env['TMPDIR'] = root;
  // Ctrl-C ends the registries as well, which leaves what they stored.
  process.once('SIGINT', () => {
    rmSync(root, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    await makeCertificate(root);
    const comparisons: Comparison[] = [];
    for (const name of options.sets) {
      comparisons.push(...(await compareSet(imageSet(name, options.isQuick), tools, options, root)));
    }
    return await write(options.out, comparisons);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function compareSet(
  set: ImageSet,
  tools: readonly Tool[],
  { transports, roundTrips, repetitions }: Options,
  root: string,
): Promise<Comparison[]> {
  const storage = join(root, `source-${set.name}`);
  tell(`${set.name}: filling the source with ${set.title}`);
  const digests = await fill(set, join(root, 'seeding'), storage);
  const comparisons: Comparison[] = [];
  for (const transport of transports) {
    const certificate = certificateFor(transport, root);
    const source = await BenchRegistry.start(join(root, 'source'), storage, certificate);
    try {
      for (const roundTrip of roundTrips) {
        tell(`${set.name}: ${transport}, ${roundTrip} ms`);
        const ground: Ground = { root, source, digests, roundTrip, ...(certificate && { certificate }) };
        const samples = await alternate(tools, ground, repetitions);
        const { name, title, images } = set;
        const what = { set: name, title, images: images.length, transport, roundTrip };
        comparisons.push({ ...circumstances(), ...what, samples });
      }
    } finally {
      await source.stop();
    }
  }
  await rm(storage, { recursive: true });
  return comparisons;
}

const certificateFor = (transport: Transport, folder: string) =>
  transport === 'https' ? { folder } : undefined;

async function fill(set: ImageSet, folder: string, storage: string): Promise<ReadonlyMap<string, string>> {
  const registry = await BenchRegistry.start(folder, storage);
  try {
    return await seed(set, `127.0.0.1:${registry.port}`);
  } finally {
    await registry.stop();
  }
}

/** Each tool in turn, again and again, so that what else the machine does meets them alike. */
async function alternate(tools: readonly Tool[], ground: Ground, repetitions: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const tool of tools) {
      if (tool.usesDocker && repetition > 0) continue;
      const measured = await trial(tool, ground);
      samples.push(...measured);
      tell(
        `  ${tool.name}: ${measured.map(({ phase, seconds }) => `${phase} ${seconds.toFixed(2)} s`).join(', ')}`,
      );
    }
  }
  return samples.sort((a, b) => indexOf(tools, a) - indexOf(tools, b));
}

const indexOf = (tools: readonly Tool[], sample: Sample): number =>
  tools.findIndex(({ name }) => name === sample.tool);

const circumstances = () => ({
  measuredAt: new Date().toISOString(),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`,
  versions: versions(),
});

function versions(): Record<string, string> {
  const first = (program: string) =>
    /\d+\.\d+[\w.+]*/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown';
  return {
    node: process.versions.node,
    ...peerVersions(),
    skopeo: first('skopeo'),
    docker: first('dockerd'),
    'docker-registry': first('docker-registry'),
  };
}

/** Keeps what the folder has of other comparisons. */
async function write(folder: string, measured: readonly Comparison[]): Promise<string> {
  const file = join(folder, 'results.json');
  const earlier = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Comparison[]) : [];
  const comparisons = merged(earlier, measured);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify(comparisons, null, 2)}\n`);
  await writeFile(join(folder, 'results.md'), markdown(comparisons));
  await writeFile(join(folder, 'results.svg'), plot(comparisons));
  return markdown(measured);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

const options = readOptions(process.argv.slice(2));
process.stdout.write(options === 'help' ? usage : await run(options));
