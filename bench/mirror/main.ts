import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../test/support/real.ts';
import { interruptible } from './interrupt.ts';
import { type Options, readOptions, usage } from './options.ts';
import { estimate, type Cell, planOf } from './plan.ts';
import { missingFor } from './requirements.ts';
import { Sources } from './source.ts';
import { comparing, type Work } from './task.ts';
import { prepare, type Tool, type ToolName } from './tools.ts';

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
  const { what, work, shown } = comparing(options);
  tell(`${what}: ${cells.length}; minutes on two quiet processors: about ${minutes}`);
  if (options.isQuick) tell('with small sets only the requests mean anything');
  let done = 0;
  const counted: Work = async (...about) => {
    await work(...about);
    done += 1;
  };
  const finished = await interruptible((signal) => run(cells, options, tools, signal, counted));
  process.stdout.write(shown());
  if (finished) return;
  tell(`interrupted after ${done} of ${cells.length} ${what}`);
  process.exitCode = 130;
}

async function run(
  cells: readonly Cell[],
  { isQuick }: Options,
  tools: ReadonlyMap<ToolName, Tool>,
  signal: AbortSignal,
  work: Work,
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
      await work(cell, source, { root, toolOf, signal, tell });
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
