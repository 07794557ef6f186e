import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../test/support/real.ts';
import { compare } from './compare.ts';
import { interruptible } from './interrupt.ts';
import { type Options, readOptions, usage } from './options.ts';
import { estimate, type Cell, planOf } from './plan.ts';
import { missingFor } from './requirements.ts';
import type { Comparison } from './results.ts';
import { Sources } from './source.ts';
import { markdown } from './table.ts';
import { prepare, type Tool, type ToolName } from './tools.ts';
import { keep } from './write.ts';

/** On disk, the disk would be measured. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

async function main(options: Options): Promise<void> {
  // Where Debian has dockerd, which is not in everybody's path.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const cells = planOf(options);
  const missing = missingFor(cells, options.isQuick, memory);
  if (missing.length > 0) {
    tell(['This machine lacks', ...missing].join('\n  '));
    process.exitCode = 2;
    return;
  }
  const tools = new Map(cells.flatMap((cell) => cell.tools).map((name) => [name, prepare(name)]));
  const minutes = Math.ceil(estimate(cells, options.isQuick) / 60);
  tell(`comparisons: ${cells.length}; minutes on two quiet processors: about ${minutes}`);
  if (options.isQuick) tell('with small sets only the requests mean anything');
  const done: Comparison[] = [];
  const finished = await interruptible((signal) => run(cells, options, tools, signal, done));
  process.stdout.write(done.length === 0 ? '' : markdown(done));
  if (finished) return;
  tell(`interrupted after ${done.length} of ${cells.length} comparisons`);
  process.exitCode = 130;
}

/** Each comparison is kept as soon as it is made. @param done gets them */
async function run(
  cells: readonly Cell[],
  { isQuick, out }: Options,
  tools: ReadonlyMap<ToolName, Tool>,
  signal: AbortSignal,
  done: Comparison[],
): Promise<true> {
  const root = await mkdtemp(join(memory, 'ecr-bootstrap-bench-'));
  process.env['TMPDIR'] = root;
  try {
    await makeCertificate(root);
    const sources = new Sources(root, isQuick, signal);
    const toolOf = (name: ToolName) => tools.get(name) ?? prepare(name);
    for (const [index, cell] of cells.entries()) {
      signal.throwIfAborted();
      const source = await sources.get(cell.set);
      const { title } = source.set;
      tell(`${index + 1}/${cells.length} ${cell.set}: ${title}; ${cell.transport}, ${cell.roundTrip} ms`);
      const comparison = await compare(cell, source, { root, toolOf, signal, tell });
      done.push(comparison);
      if (out !== undefined) await keep(out, comparison);
    }
    return true;
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

const options = readOptions(process.argv.slice(2));
if (options === 'help') process.stdout.write(usage);
else await main(options);
