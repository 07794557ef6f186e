import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The cost of a copy. */
export interface Measured {
  /** The peak of the engine's process in bytes: all of its memory, and the part that Buffers hold. */
  readonly resident: number;
  readonly buffers: number;
  /** As counted by the registries. */
  readonly requests: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly blobs: number;
  readonly bytes: number;
  /** Bytes of blobs from the source. */
  readonly bytesRead: number;
  readonly tags: number;
  readonly uploadsAtOnce: number;
  readonly mismatches: number;
  readonly seconds: number;
}

export interface Measurement {
  /** The compiled program that runs the engine. */
  readonly engine: string;
  readonly images: number;
  /** Bytes of each image's layer. 0 means the blob of ten gigabytes. */
  readonly size: number;
  /** Different layers, which must not be mounted; otherwise one for each image. */
  readonly layers?: number;
  readonly concurrency: number;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Copies images between two empty registries. The engine runs in its own process. */
export async function measure({
  engine,
  images,
  size,
  layers = images,
  concurrency,
}: Measurement): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bounds-'));
  const tsx = import.meta.resolve('tsx');
  const servers = spawn(
    process.execPath,
    ['--import', tsx, here('registries.ts'), ...[images, size, layers].map(String)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const lines = createInterface({ input: servers.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse(String((await lines.next()).value)) as unknown;
    const { source, target } = (await next()) as { source: string; target: string };
    const list = Array.from(
      { length: images },
      (_, number) => `${source}/app-${number}:1 ${target}/app-${number}:1\n`,
    );
    writeFileSync(join(folder, 'list'), list.join(''));
    const report = join(folder, 'report.json');
    const started = performance.now();
    const copy = spawn(
      process.execPath,
      [
        '--import',
        here('meter.mjs'),
        engine,
        '--list',
        join(folder, 'list'),
        '--concurrency',
        String(concurrency),
        '--protocol',
        'http',
        ...(layers < images ? ['--without-mounts'] : []),
      ],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, HOME: folder, BOUNDS_REPORT: report },
      },
    );
    const [code] = (await once(copy, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`the copy ended with ${code}`);
    const seconds = (performance.now() - started) / 1000;
    servers.stdin.write('report\n');
    const seen = (await next()) as Omit<Measured, 'resident' | 'buffers' | 'seconds'>;
    const taken = JSON.parse(readFileSync(report, 'utf8')) as Pick<Measured, 'resident' | 'buffers'>;
    return { ...seen, ...taken, seconds };
  } finally {
    servers.kill();
    rmSync(folder, { recursive: true });
  }
}
