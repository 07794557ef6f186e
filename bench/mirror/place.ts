import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startDocker } from '../../test/support/real.ts';
import { openLink } from './link.ts';
import type { Running } from './measure.ts';
import { BenchRegistry, type Certificate } from './registry.ts';
import { tag } from './seed.ts';
import { dockerTools, type Job, type ToolName } from './tools.ts';

/** Where trials take place. */
export interface Ground {
  /** A folder in memory. */
  readonly root: string;
  readonly source: BenchRegistry;
  /** What the source has under the tag, by repository. */
  readonly digests: ReadonlyMap<string, string>;
  readonly certificate?: Certificate;
  /** Milliseconds. */
  readonly roundTrip: number;
  readonly signal: AbortSignal;
}

/** Registries, the ways to them and a home, for the runs of one tool. */
export interface Place {
  readonly job: Job;
  readonly running: Running;
  readonly target: BenchRegistry;
  /** Processes. */
  readonly registries: readonly number[];
  readonly links: readonly number[];
}

interface Part {
  stop(): Promise<void>;
}

/**
 * Does `work` with an empty registry, new ports and a home of its own: nothing is left over from another run, in no
 * tool's cache.
 */
export async function inPlace<T>(
  tool: ToolName,
  ground: Ground,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(ground.root, 'trial-'));
  const parts: Part[] = [];
  const keep = <P extends Part>(part: P): P => (parts.push(part), part);
  try {
    const { root, source, certificate, roundTrip, signal } = ground;
    const storage = join(folder, 'storage');
    const target = keep(await BenchRegistry.start(join(folder, 'target'), storage, certificate));
    const near = keep(await openLink(source.port, roundTrip, root));
    const far = keep(await openLink(target.port, roundTrip, root));
    const docker = dockerTools.includes(tool) ? keep(await startDocker()) : undefined;
    const job = await writeJob(folder, near.address, far.address, docker?.url ?? '', ground);
    const daemon = docker && Number(await readFile(join(dirname(docker.url.slice('unix://'.length)), 'pid')));
    const running = {
      folder,
      signal,
      env: await environment(folder, ground, docker?.url),
      ...(daemon && { daemon }),
    };
    const links = [near.pid, far.pid].filter((pid) => pid !== undefined);
    return await work({ job, running, target, registries: [source.pid, target.pid], links });
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeJob(
  folder: string,
  source: string,
  target: string,
  dockerHost: string,
  { digests, certificate }: Ground,
): Promise<Job> {
  const pairs = [...digests.keys()].map((name) => [
    `${source}/${name}:${tag}`,
    `${target}/mirror/${name}:${tag}`,
  ]);
  const [list, dockerList] = [join(folder, 'list'), join(folder, 'docker-list')];
  const text = (prefix: string) =>
    pairs.map((pair) => `${pair.map((name) => prefix + name).join(' ')}\n`).join('');
  await Promise.all([writeFile(list, text('')), writeFile(dockerList, text('docker://'))]);
  return { list, dockerList, source, target, dockerHost, isTls: certificate !== undefined };
}

async function environment(
  folder: string,
  { certificate }: Ground,
  dockerHost: string | undefined,
): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, 'home');
  await mkdir(home);
  const authority = certificate && join(certificate.folder, 'cert.pem');
  return {
    PATH: process.env['PATH'],
    HOME: home,
    ...(dockerHost !== undefined && { DOCKER_HOST: dockerHost }),
    // The names under which Go's and Node's programs are told of an authority.
    ...(authority !== undefined && { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
  };
}
