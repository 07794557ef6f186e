import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { makeCertificate } from '../../test/support/real.ts';
import { chart } from './chart.ts';
import { type Bench, compare, createSource, type Source } from './compare.ts';
import { imageSet, type SetName } from './images.ts';
import { type Options, readOptions, usage } from './options.ts';
import { type Comparison, readResults, withComparison } from './results.ts';
import { markdown } from './table.ts';
import { compile, prepareTool, type ToolName } from './tools.ts';

/** In memory, because otherwise the benchmark would measure the disk. */
const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

async function main(options: Options): Promise<void> {
  // Debian's dockerd is in one of these folders, and not every PATH has them.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const missing = missingFor(options);
  if (missing.length > 0) {
    log(`not installed: ${missing.join(', ')}; see bench/README.md`);
    process.exitCode = 2;
    return;
  }
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => interruption.abort(new Error('interrupted')));
  const done: Comparison[] = [];
  try {
    await compareAll(options, interruption.signal, done);
  } catch (error) {
    // Ctrl-C also ends the registries, so work may fail with another error than the signal's.
    if (!interruption.signal.aborted) throw error;
    log(`interrupted after ${done.length} of ${options.settings.length} comparisons`);
    process.exitCode = 130;
  }
  if (done.length > 0) process.stdout.write(markdown(done));
}

/** Adds each comparison to `done` and to the results as soon as it is complete. */
async function compareAll({ settings, isQuick, out }: Options, signal: AbortSignal, done: Comparison[]) {
  const tools = new Set(settings.flatMap((setting) => setting.tools));
  const commands = new Map([...tools].map((name) => [name, prepareTool(name)]));
  const latencyScript = compile('bench/mirror/latency.ts');
  const root = await mkdtemp(join(memoryFolder, 'ecr-bootstrap-bench-'));
  process.env['TMPDIR'] = root;
  try {
    await makeCertificate(root);
    const bench: Bench = { root, commands, latencyScript, signal, log };
    const sources = new Map<SetName, Source>();
    for (const setting of settings) {
      signal.throwIfAborted();
      const { set, transport, roundTripMs } = setting;
      const source = sources.get(set) ?? (await createSource(imageSet(set, isQuick), bench));
      sources.set(set, source);
      const position = `${done.length + 1}/${settings.length}`;
      log(`${position} ${set}: ${source.set.title}; ${transport}, ${roundTripMs} ms`);
      const comparison = await compare(setting, source, bench);
      done.push(comparison);
      if (out !== undefined) await write(out, comparison);
    }
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function write(folder: string, comparison: Comparison): Promise<void> {
  const results = withComparison(await readResults(folder), comparison);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(folder, 'results.md'), markdown(results));
  await writeFile(join(folder, 'results.svg'), chart(results));
}

const programs: Partial<Record<ToolName, readonly string[]>> = {
  crane: ['go'],
  regctl: ['go'],
  skopeo: ['skopeo'],
  docker: ['dockerd'],
  loop: ['docker', 'dockerd'],
};

/** The programs that this machine lacks. */
function missingFor({ settings }: Options): string[] {
  const tools = settings.flatMap((setting) => setting.tools.flatMap((tool) => programs[tool] ?? []));
  return ['docker-registry', 'openssl', 'time', ...new Set(tools)].filter((command) => !isInPath(command));
}

const isInPath = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

const options = readOptions(process.argv.slice(2));
if (options === 'help') process.stdout.write(usage);
else await main(options);
