import { parseArgs } from 'node:util';
import { setNames, type SetName } from './sets.ts';
import { toolNames, type ToolName } from './tools.ts';

export interface Options {
  readonly sets: readonly SetName[];
  /** Round trips in milliseconds. */
  readonly roundTrips: readonly number[];
  readonly transports: readonly Transport[];
  /** Undefined: what makes sense, see `planOf`. */
  readonly tools?: readonly ToolName[];
  readonly repetitions?: number;
  readonly isQuick: boolean;
  /** Folder for the results; none when they are only shown. */
  readonly out?: string;
}

export type Transport = 'http' | 'https';

export const usage = `npm run bench:mirror -- [OPTIONS]

  --set A,B,C,D           image sets (default: all)
  --rtt 0,40              round trips in milliseconds (default: both)
  --plain, --tls          over plain HTTP only, or over TLS only (default: both)
  --tools registry,crane  of ${toolNames.join(', ')} (default: all;
                          those on a Docker engine for set A over plain HTTP at 40 ms only)
  --repetitions N         of each measurement (default: 3 at 40 ms, 1 elsewhere)
  --quick                 small sets and one repetition: shows that everything works; nothing is written
  --out FOLDER            for results.json, results.md and results.svg (default: bench/results)
`;

/** @throws TypeError for what it does not know */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      set: { type: 'string' },
      rtt: { type: 'string', default: '0,40' },
      tls: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
      tools: { type: 'string' },
      repetitions: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { plain, tls, quick: isQuick, tools, repetitions } = values;
  const out = values.out ?? (isQuick ? undefined : 'bench/results');
  return {
    sets: values.set === undefined ? setNames : choose(values.set, setNames),
    roundTrips: values.rtt.split(',').map(count),
    transports: plain === tls ? ['http', 'https'] : plain ? ['http'] : ['https'],
    isQuick,
    ...(tools !== undefined && { tools: choose(tools, toolNames) }),
    ...(repetitions !== undefined && { repetitions: count(repetitions) }),
    ...(out !== undefined && { out }),
  };
}

function choose<T extends string>(given: string, known: readonly T[]): readonly T[] {
  return given.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (!found) throw new TypeError(`${name} is none of ${known.join(', ')}`);
    return found;
  });
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`${text} is no number`);
  return Number(text);
}
