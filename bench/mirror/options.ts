import { type Transport, transports } from './results.ts';
import { parseArgs } from 'node:util';
import { type SetName, setNames } from './sets.ts';
import { judgedRoundTrip } from './targets.ts';
import { type ToolName, toolNames } from './tools.ts';

export interface Options {
  readonly sets: readonly SetName[];
  /** Round trips in milliseconds. */
  readonly roundTrips: readonly number[];
  /** Undefined: those that targets are about, see `planOf`. */
  readonly transports?: readonly Transport[];
  /** Undefined: what makes sense, see `planOf`. */
  readonly tools?: readonly ToolName[];
  readonly repetitions?: number;
  readonly isQuick: boolean;
  /** Folder for the results; none when they are only shown. */
  readonly out?: string;
}

export const usage = `npm run bench:mirror -- [OPTIONS]

  --set A,B,C,D           image sets (default: all)
  --rtt 0,40              round trips in milliseconds (default: 40)
  --plain, --tls          over plain HTTP, over TLS, or both (default: plain, and set C over TLS too)
  --full                  0 and 40 ms, everything plain and over TLS: half an hour
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
      rtt: { type: 'string' },
      full: { type: 'boolean', default: false },
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
  const { plain, tls, full, quick: isQuick, tools, repetitions } = values;
  const rtt = values.rtt ?? (full ? `0,${judgedRoundTrip}` : `${judgedRoundTrip}`);
  const isNamed = { http: plain || full, https: tls || full };
  const named = transports.filter((transport) => isNamed[transport]);
  const out = values.out ?? (isQuick ? undefined : 'bench/results');
  return {
    sets: values.set === undefined ? setNames : choose(values.set, setNames),
    roundTrips: rtt.split(',').map(count),
    ...(named.length > 0 && { transports: named }),
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
