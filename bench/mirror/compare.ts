import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fewestRequests, type ImageSet } from './images.ts';
import { measure } from './measure.ts';
import { BenchRegistry } from './registry.ts';
import { type Comparison, phases, type Sample, type Transport } from './results.ts';
import { seed, tag } from './seed.ts';
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

/** A registry to copy from, with the digest of the tag in each repository. */
interface Source {
  readonly registry: BenchRegistry;
  readonly digests: ReadonlyMap<string, string>;
  readonly transport: Transport;
}

/** The tools take turns, so that other load on the machine affects all of them. */
export async function compare(set: ImageSet, transport: Transport, bench: Bench): Promise<Comparison> {
  const registry = await BenchRegistry.start(bench.root, 'source', transport);
  const samples: Sample[] = [];
  try {
    const source = { registry, digests: await seed(set, registry.images), transport };
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const tool of bench.tools.keys()) {
        const runs = await runTool(tool, source, bench);
        samples.push(...runs);
        const figures = runs.map(({ phase, seconds }) => `${phase} ${seconds.toFixed(2)} s`);
        bench.log(`  ${tool}: ${figures.join(', ')}`);
      }
    }
  } finally {
    await registry.stop();
  }
  return {
    measuredAt: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`,
    versions: bench.versions,
    set: set.name,
    title: set.title,
    transport,
    fewestRequests: fewestRequests(set),
    samples,
  };
}

/**
 * Runs one tool cold and then warm. The target and the home folder are new, so no cache holds anything.
 * @throws Error when the tool fails or did not copy every image
 */
async function runTool(tool: ToolName, source: Source, { root, tools, signal }: Bench): Promise<Sample[]> {
  const { registry, digests, transport } = source;
  const home = await mkdtemp(join(root, 'home-'));
  const target = await BenchRegistry.start(root, 'target', transport);
  try {
    const hosts = [registry.farHost, target.farHost];
    const lines = [...digests.keys()].map((name) => hosts.map((host) => `${host}/${name}:${tag}`).join(' '));
    const list = join(home, 'list');
    await writeFile(list, `${lines.join('\n')}\n`);
    const command = tools.get(tool)?.({ list, hosts, isTls: transport === 'https' }) ?? [];
    const authority = join(root, 'cert.pem');
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      // SSL_CERT_FILE is for Go's programs, NODE_EXTRA_CA_CERTS for Node's.
      ...(transport === 'https' && { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
    };
    const requests = async () => (await registry.requests()) + (await target.requests());
    const samples: Sample[] = [];
    for (const phase of phases) {
      const before = await requests();
      const cost = await measure(command, env, signal);
      samples.push({ tool, phase, requests: (await requests()) - before, ...cost });
      await verify(target, digests);
    }
    return samples;
  } finally {
    await target.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function verify({ images }: BenchRegistry, digests: Source['digests']): Promise<void> {
  for (const [repository, digest] of digests) {
    const copied = (await images.manifest(repository, tag))?.digest;
    if (copied !== digest) throw new Error(`${repository} is ${copied ?? 'missing'} instead of ${digest}`);
  }
}
