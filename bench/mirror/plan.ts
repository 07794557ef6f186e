import { type Transport, transports } from './results.ts';
import type { Options } from './options.ts';
import type { SetName } from './sets.ts';
import { judgedRoundTrip } from './targets.ts';
import { dockerTools, type ToolName, toolNames } from './tools.ts';

/** One comparison to be made. */
export interface Cell {
  readonly set: SetName;
  readonly transport: Transport;
  /** Milliseconds. */
  readonly roundTrip: number;
  readonly tools: readonly ToolName[];
  readonly repetitions: number;
}

/**
 * All comparisons, those that targets are about first: who has no time for the rest stops there. These are repeated
 * three times, the others made once, if the options do not say otherwise; without a word about TLS only the largest set
 * goes over it, where it costs most.
 */
export function planOf(options: Options): Cell[] {
  const { sets, roundTrips, tools = toolNames, isQuick } = options;
  const farthestFirst = [...roundTrips].sort((a, b) => b - a);
  // TLS costs most where most bytes go through it.
  const largestFirst = [...sets].sort((a, b) => Number(b === 'C') - Number(a === 'C'));
  const cells = farthestFirst.flatMap((roundTrip) =>
    (options.transports ?? transports).flatMap((transport) =>
      (transport === 'https' ? largestFirst : sets)
        .filter((set) => options.transports || transport === 'http' || set === 'C')
        .map((set) => ({ set, transport, roundTrip })),
    ),
  );
  return cells.map((cell) => {
    const isJudged = cell.roundTrip === judgedRoundTrip;
    // Tools on a Docker engine take so long that one comparison must do, but who names them wants them everywhere.
    const all = options.tools !== undefined || (isJudged && cell.set === 'A' && cell.transport === 'http');
    return {
      ...cell,
      tools: all ? tools : tools.filter((tool) => !dockerTools.includes(tool)),
      repetitions: options.repetitions ?? (isJudged && !isQuick ? 3 : 1),
    };
  });
}

/** Seconds of one round of all tools that use no Docker engine, cold and warm, on two processors of 2024. */
const round: Readonly<Record<SetName, { readonly near: number; readonly far: number }>> = {
  A: { near: 15, far: 35 },
  B: { near: 45, far: 130 },
  C: { near: 50, far: 60 },
  D: { near: 12, far: 40 },
};
const slowRound = 50;
/** From here on the round trips are what takes the time. Milliseconds. */
const far = 20;

/** About how many seconds a plan takes. */
export function estimate(cells: readonly Cell[], isQuick: boolean): number {
  const seconds = cells.map(({ set, roundTrip, tools, repetitions }) => {
    const slowTools = tools.filter((tool) => dockerTools.includes(tool)).length;
    const share = (tools.length - slowTools) / (toolNames.length - dockerTools.length);
    const once = round[set][roundTrip >= far ? 'far' : 'near'];
    return repetitions * share * once + slowTools * slowRound;
  });
  return seconds.reduce((sum, one) => sum + one, 0) * (isQuick ? 1 / 6 : 1);
}
