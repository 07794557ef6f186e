import { parseArgs } from 'node:util';
import { type SetName, setNames } from './images.ts';
import type { Transport } from './results.ts';
import { targetRoundTripMs } from './targets.ts';
import { dockerTools, toolNamed, type ToolName, toolNames } from './tools.ts';

/** One comparison to make. */
export interface Setting {
  readonly set: SetName;
  readonly transport: Transport;
  readonly roundTripMs: number;
  readonly tools: readonly ToolName[];
  readonly repetitions: number;
}

export interface Options {
  readonly settings: readonly Setting[];
  readonly isQuick: boolean;
  /** Folder for the results; undefined when they are only printed. */
  readonly out: string | undefined;
}

export const usage = `npm run bench:mirror -- [OPTIONS]

  --set A,B,C,D           image sets (default: all)
  --tls                   only over TLS (default: plain HTTP, and set C over TLS too)
  --rtt 0,40              round trips in milliseconds (default: ${targetRoundTripMs})
  --tools registry,crane  of ${toolNames.join(', ')}; registry:CHECKOUT is the
                          registry engine of another checkout (default: all; docker and loop for set A only)
  --repetitions N         runs of each tool (default: 3)
  --quick                 small sets, once: shows that everything works
  --out FOLDER            for results.json, results.md and results.svg (default: bench/results
                          with neither --quick nor --tools; otherwise none)
`;

/** @throws TypeError for an invalid option */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      set: { type: 'string', default: setNames.join() },
      tls: { type: 'boolean', default: false },
      rtt: { type: 'string', default: String(targetRoundTripMs) },
      tools: { type: 'string' },
      repetitions: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { tls: isTls, quick: isQuick, out } = values;
  const sets = values.set.split(',').map(setNamed);
  const named = values.tools?.split(',').map(toolNamed);
  const repetitions = count(values.repetitions ?? (isQuick ? '1' : '3'));
  const plain = isTls ? [] : sets.map((set) => ({ set, transport: 'http' as const }));
  // TLS costs most for the set with the most bytes.
  const secure = sets
    .filter((set) => isTls || set === 'C')
    .map((set) => ({ set, transport: 'https' as const }));
  const settings = values.rtt.split(',').flatMap((rtt) =>
    [...plain, ...secure].map(({ set, transport }) => {
      const hasDocker = set === 'A' && transport === 'http';
      const tools = named ?? toolNames.filter((tool) => hasDocker || !dockerTools.includes(tool));
      return { set, transport, roundTripMs: count(rtt), tools, repetitions };
    }),
  );
  return { settings, isQuick, out: out ?? (isQuick || named ? undefined : 'bench/results') };
}

function setNamed(text: string): SetName {
  const found = setNames.find((name) => name === text);
  if (!found) throw new TypeError(`unknown set ${text}: choose from ${setNames.join(', ')}`);
  return found;
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`not a number: ${text}`);
  return Number(text);
}
