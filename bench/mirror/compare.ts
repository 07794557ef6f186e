import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ecrFloorSeconds, fewestRequests, type ImageSet } from './images.ts';
import { measure, processors } from './measure.ts';
import { BenchRegistry } from './registry.ts';
import { type Comparison, phases, type Sample } from './results.ts';
import { seed, type Seeded, tag } from './seed.ts';
import type { CommandFor, ToolName } from './tools.ts';

export interface Bench {
  /** A folder in memory, with `cert.pem` and `key.pem` for TLS. */
  readonly root: string;
  readonly tools: ReadonlyMap<ToolName, CommandFor>;
  readonly versions: Comparison['versions'];
  /** Runs of each tool. */
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** How often a tool that fails is run, at most. */
const maxAttempts = 10;

/** The tools take turns, so that other load on the machine affects all of them. */
export async function compare(set: ImageSet, bench: Bench): Promise<Comparison> {
  const source = await BenchRegistry.start(bench.root, 'source', set);
  const samples: Sample[] = [];
  try {
    const seeded = await seed(set, source.images);
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const tool of bench.tools.keys()) {
        const runs = await runTool(tool, set, { source, seeded }, bench);
        samples.push(...runs);
        const figures = runs.map(({ phase, seconds }) => `${phase} ${seconds.toFixed(2)} s`);
        bench.log(`  ${tool}: ${figures.join(', ')}`);
      }
    }
    return {
      measuredAt: new Date().toISOString(),
      machine: processors(),
      versions: bench.versions,
      set: set.name,
      title: set.title,
      uniqueBytes: seeded.uniqueBytes,
      ecrFloorSeconds: ecrFloorSeconds(set),
      fewestRequests: fewestRequests(set),
      samples,
    };
  } finally {
    await source.stop();
  }
}

/**
 * Runs one tool cold and then warm. The target and the home folder are new, so no cache holds anything.
 * @throws Error when the tool did not copy every image
 */
async function runTool(
  tool: ToolName,
  set: ImageSet,
  { source, seeded }: Omit<Registries, 'target'>,
  { root, tools, signal }: Bench,
): Promise<Sample[]> {
  const { isTls = false, refusesMounts = false } = set;
  const home = await mkdtemp(join(root, 'home-'));
  const target = await BenchRegistry.start(root, 'target', set);
  try {
    const hosts = [source.farHost, target.farHost];
    const names = [...seeded.digests.keys()];
    const lines = names.map((name) => hosts.map((host) => `${host}/${name}:${tag}`).join(' '));
    const list = join(home, 'list');
    await writeFile(list, `${lines.join('\n')}\n`);
    const command = tools.get(tool)?.({ list, hosts, isTls, refusesMounts }) ?? [];
    const authority = join(root, 'cert.pem');
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      // SSL_CERT_FILE is for Go's programs, NODE_EXTRA_CA_CERTS for Node's.
      ...(isTls && { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
    };
    const samples: Sample[] = [];
    for (const phase of phases)
      samples.push({ tool, phase, ...(await copyAll(command, env, { source, target, seeded, signal })) });
    return samples;
  } finally {
    await target.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Registries {
  readonly source: BenchRegistry;
  readonly target: BenchRegistry;
  readonly seeded: Seeded;
}

/** Runs a tool until it succeeds, as its user would. */
async function copyAll(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  { source, target, seeded, signal }: Registries & Pick<Bench, 'signal'>,
): Promise<Omit<Sample, 'tool' | 'phase'>> {
  const total = { seconds: 0, cpuSeconds: 0, peakMemoryBytes: 0, attempts: 0, requests: 0, sourceBytes: 0 };
  const count = async (sign: 1 | -1) => {
    const [read, written] = [await source.traffic(), await target.traffic()];
    total.requests += sign * (read.requests + written.requests);
    total.sourceBytes += sign * read.blobBytes;
  };
  for (;;) {
    await count(-1);
    const run = await measure(command, env, signal);
    await count(1);
    total.attempts += 1;
    total.seconds += run.seconds;
    total.cpuSeconds += run.cpuSeconds;
    total.peakMemoryBytes = Math.max(total.peakMemoryBytes, run.peakMemoryBytes);
    const missing = await missingImages(target, seeded);
    if (!run.hasSucceeded && total.attempts < maxAttempts) continue;
    if (missing.length === 0) return total;
    throw new Error(`${command.join(' ')} did not copy ${missing.join(', ')}:\n${run.output}`);
  }
}

/** @throws Error for a wrong image */
async function missingImages({ images }: BenchRegistry, { digests }: Seeded): Promise<string[]> {
  const missing: string[] = [];
  for (const [repository, digest] of digests) {
    const copied = (await images.manifest(repository, tag))?.digest;
    if (copied === undefined) missing.push(repository);
    else if (copied !== digest) throw new Error(`${repository} is ${copied} instead of ${digest}`);
  }
  return missing;
}
