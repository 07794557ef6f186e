import { parseArgs } from 'node:util';
import { setNames, type SetName } from './sets.ts';
import { toolNames, type ToolName } from './tools.ts';

export interface Options {
  readonly sets: readonly SetName[];
  /** Round trips in milliseconds. */
  readonly roundTrips: readonly number[];
  readonly transports: readonly Transport[];
  readonly tools: readonly ToolName[];
  readonly repetitions: number;
  readonly isQuick: boolean;
  /** Folder for the results. */
  readonly out: string;
}

export type Transport = 'http' | 'https';

export const usage = `npm run bench:mirror -- [OPTIONS]

  --set A,B,C,D           image sets (default: all)
  --rtt 0,40              round trips in milliseconds (default: 40)
  --plain, --tls          over plain HTTP (the default), over TLS, or both
  --tools registry,crane  of ${toolNames.join(', ')} (default: all)
  --repetitions N         of each measurement (default: 3)
  --quick                 small sets and one repetition: shows that everything works
  --out FOLDER            for results.json, results.md and results.svg (default: bench/results)
`;

/** @throws TypeError for what it does not know */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      set: { type: 'string' },
      rtt: { type: 'string', default: '40' },
      tls: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
      tools: { type: 'string' },
      repetitions: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench/results' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick: isQuick, out } = values;
  const plain: Transport[] = values.plain || !values.tls ? ['http'] : [];
  return {
    sets: choose(values.set, setNames),
    tools: choose(values.tools, toolNames),
    roundTrips: values.rtt.split(',').map(count),
    transports: values.tls ? [...plain, 'https'] : plain,
    repetitions: count(values.repetitions ?? (isQuick ? '1' : '3')),
    isQuick,
    out,
  };
}

function choose<T extends string>(given: string | undefined, known: readonly T[]): readonly T[] {
  if (given === undefined) return known;
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
