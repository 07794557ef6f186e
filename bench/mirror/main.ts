import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '../../test/support/real.ts';
import { chart } from './chart.ts';
import { compare } from './compare.ts';
import { imageSet } from './images.ts';
import { type Options, readOptions, usage } from './options.ts';
import { type Comparison, merged } from './results.ts';
import { figures, markdown } from './table.ts';
import { type CommandFor, prepareTool, publicName, type ToolName, versionsOf } from './tools.ts';

/** In memory, because otherwise the benchmark would measure the disk. */
const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

async function main(options: Options): Promise<void> {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => interruption.abort(new Error('interrupted')));
  const done: Comparison[] = [];
  try {
    await compareAll(options, interruption.signal, done);
    if (options.isPublished) await publish(done);
  } catch (error) {
    // Ctrl-C also ends the registries, so work may fail with another error than the signal's.
    if (!interruption.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    process.stdout.write(figures(done));
  }
}

/** Adds each comparison to `done` when it is complete. */
async function compareAll(options: Options, signal: AbortSignal, done: Comparison[]): Promise<void> {
  const { sets, rounds, isQuick } = options;
  const versions = versionsOf(options.tools);
  const tools = new Map<ToolName, CommandFor>();
  for (const name of options.tools) {
    const published = publicName(name);
    if (tools.has(published)) throw new Error(`two checkouts are at ${published}`);
    tools.set(published, await prepareTool(name));
  }
  const root = await mkdtemp(join(memoryFolder, 'ecr-bootstrap-bench-'));
  try {
    await makeCertificate(root);
    for (const name of sets) {
      const set = imageSet(name, isQuick);
      log(`${done.length + 1}/${sets.length} ${name}: ${set.title}`);
      done.push(await compare(set, { root, tools, versions, rounds, signal, log }));
    }
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function publish(measured: readonly Comparison[]): Promise<void> {
  const file = (name: string) => fileURLToPath(new URL(`../results/${name}`, import.meta.url));
  const published = JSON.parse(await readFile(file('results.json'), 'utf8')) as readonly Comparison[];
  const results = merged(published, measured);
  await writeFile(file('results.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(file('results.md'), markdown(results));
  await writeFile(file('results.svg'), chart(results));
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

const options = readOptions(process.argv.slice(2));
if (options === undefined) process.stdout.write(usage);
else await main(options);
