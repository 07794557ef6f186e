import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { run, type Program } from '../../test/support/program.ts';
import { startDocker } from '../../test/support/real.ts';
import { fewestRequests, type ImageSet, layerBytes } from './images.ts';
import { measure, usageOfTree } from './measure.ts';
import type { Setting } from './options.ts';
import { BenchRegistry } from './registry.ts';
import { type Comparison, phases, type Sample } from './results.ts';
import { seed, tag } from './seed.ts';
import { type CommandFor, dockerTools, type Task, type ToolName, versionsOf } from './tools.ts';

export interface Bench {
  /** A folder in memory, with `cert.pem` and `key.pem` for TLS. */
  readonly root: string;
  readonly commands: ReadonlyMap<ToolName, CommandFor>;
  /** The compiled latency proxy. */
  readonly latencyScript: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** A set in the storage of a registry that is not running. */
export interface Source {
  readonly set: ImageSet;
  readonly storage: string;
  /** The digest of the tag in each repository. */
  readonly digests: ReadonlyMap<string, string>;
}

export async function createSource(set: ImageSet, { root, signal }: Bench): Promise<Source> {
  const storage = join(root, `storage-${set.name}`);
  const registry = await BenchRegistry.start(join(root, 'source'), storage);
  try {
    return { set, storage, digests: await seed(set, `127.0.0.1:${registry.port}`, signal) };
  } finally {
    await registry.stop();
  }
}

/** The tools take turns, so that other load on the machine affects all of them. */
export async function compare(setting: Setting, source: Source, bench: Bench): Promise<Comparison> {
  const { set, storage } = source;
  const { tools, repetitions, transport, roundTripMs } = setting;
  const tlsFolder = transport === 'https' ? bench.root : undefined;
  const registry = await BenchRegistry.start(join(bench.root, 'source'), storage, tlsFolder);
  const samples: Sample[] = [];
  try {
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const tool of tools) {
        // These tools take so long that one repetition must suffice.
        if (repetition > 0 && dockerTools.includes(tool)) continue;
        const runs = await runTool(tool, { roundTripMs, tlsFolder, source, registry, bench });
        samples.push(...runs);
        bench.log(
          `  ${tool}: ${runs.map(({ phase, seconds }) => `${phase} ${seconds.toFixed(2)} s`).join(', ')}`,
        );
      }
    }
  } finally {
    await registry.stop();
  }
  return {
    measuredAt: new Date().toISOString(),
    processors: cpus().length,
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`,
    versions: versionsOf(tools),
    ...{ set: set.name, title: set.title, images: set.images.length, layerBytes: layerBytes(set) },
    ...{ floor: fewestRequests(set), transport, roundTripMs },
    samples: samples.sort((a, b) => tools.indexOf(a.tool) - tools.indexOf(b.tool)),
  };
}

interface Trial {
  readonly roundTripMs: number;
  readonly tlsFolder: string | undefined;
  readonly source: Source;
  /** Serves the source. */
  readonly registry: BenchRegistry;
  readonly bench: Bench;
}

/**
 * Runs one tool cold and then warm. The target, the ports and the home folder are new, so no cache holds anything.
 * @throws Error when the tool fails or did not copy every image
 */
async function runTool(tool: ToolName, trial: Trial): Promise<Sample[]> {
  const { tlsFolder, source, registry, bench } = trial;
  const folder = await mkdtemp(join(bench.root, 'trial-'));
  const started: { stop(): Promise<void> }[] = [];
  const track = <T extends { stop(): Promise<void> }>(program: T): T => (started.push(program), program);
  try {
    const target = track(
      await BenchRegistry.start(join(folder, 'target'), join(folder, 'storage'), tlsFolder),
    );
    const near = track(await startProxy(registry.port, join(folder, 'near'), trial));
    const far = track(await startProxy(target.port, join(folder, 'far'), trial));
    const docker = dockerTools.includes(tool) ? track(await startDocker()) : undefined;
    const hosts = [near, far].map((proxy) => `127.0.0.1:${proxy.output().trim()}`);
    const task = await writeTask(folder, hosts, trial, docker?.url);
    const home = join(folder, 'home');
    await mkdir(home);
    const authority = tlsFolder && join(tlsFolder, 'cert.pem');
    const options = {
      folder,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        ...(docker && { DOCKER_HOST: docker.url }),
        // SSL_CERT_FILE is for Go's programs, NODE_EXTRA_CA_CERTS for Node's.
        ...(authority !== undefined && { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
      },
      daemon: docker && Number(await readFile(join(dirname(docker.url.slice('unix://'.length)), 'pid'))),
      signal: bench.signal,
    };
    const command = bench.commands.get(tool)?.(task) ?? [];
    const others = [registry, target, near, far];
    const otherCpuSeconds = () => others.reduce((sum, { pid }) => sum + usageOfTree(pid).cpuSeconds, 0);
    const requests = async () => (await registry.requests()) + (await target.requests());
    const samples: Sample[] = [];
    for (const phase of phases) {
      const before = { requests: await requests(), cpuSeconds: otherCpuSeconds() };
      const cost = await measure(command, options);
      samples.push({
        ...{ tool, phase },
        otherCpuSeconds: otherCpuSeconds() - before.cpuSeconds,
        requests: (await requests()) - before.requests,
        ...cost,
      });
      await verify(target, source, dockerTools.includes(tool));
    }
    return samples;
  } finally {
    await Promise.all(started.map((program) => program.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the registry at a port seem far away. The proxy prints the port that it listens on. */
async function startProxy(port: number, folder: string, { roundTripMs, bench }: Trial): Promise<Program> {
  await mkdir(folder);
  const program = run(process.execPath, [bench.latencyScript, String(port), String(roundTripMs)], folder);
  await program.until('listens', () => Promise.resolve(/^\d+\n/.test(program.output())));
  return program;
}

async function writeTask(
  folder: string,
  hosts: readonly string[],
  { source, tlsFolder }: Trial,
  dockerHost: string | undefined,
): Promise<Task> {
  const write = async (name: string, prefix: string) => {
    const lines = [...source.digests.keys()].map((repository) => {
      const references = [`${hosts[0]}/${repository}:${tag}`, `${hosts[1]}/mirror/${repository}:${tag}`];
      return `${references.map((reference) => prefix + reference).join(' ')}\n`;
    });
    await writeFile(join(folder, name), lines.join(''));
    return join(folder, name);
  };
  const [list, dockerList] = [await write('list', ''), await write('docker-list', 'docker://')];
  return { list, dockerList, hosts, isTls: tlsFolder !== undefined, dockerHost };
}

/** @param isRepacked for tools that copy one platform and compress layers again, which changes digests */
async function verify(target: BenchRegistry, { digests }: Source, isRepacked: boolean): Promise<void> {
  for (const [repository, digest] of digests) {
    const copied = await target.digest(`mirror/${repository}`, tag);
    if (copied === undefined || (copied !== digest && !isRepacked))
      throw new Error(`${repository} is ${copied ?? 'missing'} instead of ${digest}`);
  }
}
