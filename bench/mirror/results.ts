import type { Cost } from './measure.ts';
import type { SetName } from './sets.ts';
import { peers, type ToolName } from './tools.ts';

export const transports = ['http', 'https'] as const;
export type Transport = (typeof transports)[number];

export const phases = ['cold', 'warm'] as const;
/** Into an empty registry, or once more into the one that the cold run filled. */
export type Phase = (typeof phases)[number];

/** One run of one tool. */
export interface Sample extends Cost {
  readonly tool: ToolName;
  readonly phase: Phase;
  /** Answered by both registries together. */
  readonly requests: number;
  /** Of the registries and of what makes them far; missing in older results. */
  readonly otherCpuSeconds?: number;
}

/** All runs that may be compared with each other: they alternated on the same machine. */
export interface Comparison {
  readonly measuredAt: string;
  readonly machine: string;
  /** How many processors; missing in older results. */
  readonly processors?: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly set: SetName;
  readonly title: string;
  readonly images: number;
  /** Of all layers, each once. */
  readonly bytes: number;
  /** The fewest requests that it takes. */
  readonly floor: Readonly<Record<Phase, number>>;
  readonly transport: Transport;
  /** Milliseconds. */
  readonly roundTrip: number;
  readonly samples: readonly Sample[];
}

/** One line of the table. */
export interface Row {
  readonly tool: ToolName;
  readonly repetitions: number;
  readonly seconds: { readonly min: number; readonly median: number; readonly max: number };
  /** How many times as fast as the fastest peer, by medians; undefined without a peer to compare with. */
  readonly speed: number | undefined;
  /** Medians. */
  readonly requests: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsPerGb: number;
  /** Median of the registries' and links' CPU seconds, and the share of all processors' time that they and the tool took. */
  readonly otherCpuSeconds: number | undefined;
  readonly load: number | undefined;
  /** Bytes: the median of the runs' peaks, and the highest of them. */
  readonly peakMemory: number;
  readonly largestMemory: number;
}

/** What a comparison says of one phase, in the order of the tools. */
export function rowsOf({ samples, bytes, processors }: Comparison, phase: Phase): Row[] {
  const ofPhase = samples.filter((sample) => sample.phase === phase);
  const tools = [...new Set(ofPhase.map(({ tool }) => tool))];
  const secondsOf = (tool: ToolName) => ofPhase.filter((one) => one.tool === tool).map((one) => one.seconds);
  const best = Math.min(
    ...tools.filter((tool) => peers.includes(tool)).map((tool) => median(secondsOf(tool))),
  );
  return tools.map((tool) => {
    const own = ofPhase.filter((sample) => sample.tool === tool);
    const seconds = secondsOf(tool);
    const middle = median(seconds);
    const cpuSeconds = median(own.map((sample) => sample.cpuSeconds));
    const others = own.map((sample) => sample.otherCpuSeconds).filter((seconds) => seconds !== undefined);
    const otherCpuSeconds = others.length === own.length ? median(others) : undefined;
    const peaks = own.map(({ peakMemory }) => peakMemory);
    return {
      tool,
      repetitions: own.length,
      seconds: { min: Math.min(...seconds), median: middle, max: Math.max(...seconds) },
      speed: Number.isFinite(best) ? best / middle : undefined,
      requests: median(own.map(({ requests }) => requests)),
      cpuSeconds,
      cpuSecondsPerGb: cpuSeconds / (bytes / 1e9),
      otherCpuSeconds,
      load: processors && otherCpuSeconds && (cpuSeconds + otherCpuSeconds) / (middle * processors),
      peakMemory: median(peaks),
      largestMemory: Math.max(...peaks),
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

const keyOf = ({ set, transport, roundTrip }: Comparison): string => `${set} ${transport} ${roundTrip}`;

/** Earlier comparisons with newer ones in their places, in the order of sets, transports and round trips. */
export function merged(earlier: readonly Comparison[], newer: readonly Comparison[]): Comparison[] {
  const all = new Map([...earlier, ...newer].map((comparison) => [keyOf(comparison), comparison]));
  return [...all.values()].sort(
    (a, b) =>
      a.set.localeCompare(b.set) || a.transport.localeCompare(b.transport) || a.roundTrip - b.roundTrip,
  );
}
