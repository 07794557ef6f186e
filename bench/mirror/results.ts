import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SetName } from './images.ts';
import type { Cost } from './measure.ts';
import { peers, type ToolName } from './tools.ts';

export const phases = ['cold', 'warm'] as const;
/** Cold: into an empty registry. Warm: once more, with everything in place. */
export type Phase = (typeof phases)[number];

export type Transport = 'http' | 'https';

/** One run of one tool. */
export interface Sample extends Cost {
  readonly tool: ToolName;
  readonly phase: Phase;
  /** Requests answered by both registries together. */
  readonly requests: number;
  /** CPU time of the registries and the latency proxies. */
  readonly otherCpuSeconds: number;
}

/** Runs that may be compared with each other: the tools took turns on one machine. */
export interface Comparison {
  readonly measuredAt: string;
  readonly machine: string;
  readonly processors: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly set: SetName;
  readonly title: string;
  readonly images: number;
  readonly layerBytes: number;
  /** The minimum number of requests for the set. */
  readonly floor: Readonly<Record<Phase, number>>;
  readonly transport: Transport;
  readonly roundTripMs: number;
  readonly samples: readonly Sample[];
}

export async function readResults(folder: string): Promise<Comparison[]> {
  const file = join(folder, 'results.json');
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Comparison[]) : [];
}

const keyOf = ({ set, transport, roundTripMs }: Comparison): string => `${set} ${transport} ${roundTripMs}`;

/** Replaces the comparison of the same set, transport and round trip. */
export function withComparison(earlier: readonly Comparison[], newer: Comparison): Comparison[] {
  const others = earlier.filter((one) => keyOf(one) !== keyOf(newer));
  return [...others, newer].sort(
    (a, b) =>
      a.set.localeCompare(b.set) || a.transport.localeCompare(b.transport) || a.roundTripMs - b.roundTripMs,
  );
}

/** A line of the table: the results of one tool in one phase. Values are medians, unless the name says otherwise. */
export interface Row {
  readonly tool: ToolName;
  readonly repetitions: number;
  readonly seconds: Spread;
  /** How many times as fast as the fastest peer; undefined without a peer. */
  readonly speed: number | undefined;
  readonly requests: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsPerGb: number;
  readonly otherCpuSeconds: number;
  /** The share of all processors' time that the tool, the registries and the proxies took. */
  readonly load: number;
  readonly peakMemoryBytes: number;
  readonly maxMemoryBytes: number;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** The rows of one phase, in the order of the tools. */
export function rowsOf({ samples, layerBytes, processors }: Comparison, phase: Phase): Row[] {
  const byTool = groupByTool(samples, phase);
  const secondsOf = (runs: readonly Sample[]) => spreadOf(runs.map(({ seconds }) => seconds));
  const ofPeers = [...byTool].filter(([tool]) => peers.includes(tool));
  const fastest = Math.min(...ofPeers.map(([, runs]) => secondsOf(runs).median));
  return [...byTool].map(([tool, runs]) => {
    const medianOf = (figure: (sample: Sample) => number) => spreadOf(runs.map(figure)).median;
    const seconds = secondsOf(runs);
    const cpuSeconds = medianOf((sample) => sample.cpuSeconds);
    const otherCpuSeconds = medianOf((sample) => sample.otherCpuSeconds);
    const memory = spreadOf(runs.map(({ peakMemoryBytes }) => peakMemoryBytes));
    return {
      tool,
      repetitions: runs.length,
      seconds,
      speed: Number.isFinite(fastest) ? fastest / seconds.median : undefined,
      requests: medianOf(({ requests }) => requests),
      cpuSeconds,
      cpuSecondsPerGb: cpuSeconds / (layerBytes / 1e9),
      otherCpuSeconds,
      load: (cpuSeconds + otherCpuSeconds) / (seconds.median * processors),
      peakMemoryBytes: memory.median,
      maxMemoryBytes: memory.max,
    };
  });
}

/** The seconds of other builds of the product in relation to those of this build, repetition by repetition. */
export function buildRatios({ samples }: Comparison, phase: Phase): Map<ToolName, Spread> {
  const byTool = groupByTool(samples, phase);
  const own = byTool.get('registry') ?? [];
  const builds = [...byTool].filter(([tool]) => own.length > 0 && tool.startsWith('registry:'));
  return new Map(
    builds.map(([tool, runs]) => [
      tool,
      spreadOf(runs.map((run, index) => run.seconds / (own[index]?.seconds ?? NaN))),
    ]),
  );
}

function groupByTool(samples: readonly Sample[], phase: Phase): Map<ToolName, Sample[]> {
  const groups = new Map<ToolName, Sample[]>();
  for (const sample of samples.filter((one) => one.phase === phase))
    groups.set(sample.tool, [...(groups.get(sample.tool) ?? []), sample]);
  return groups;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? NaN;
  return {
    min: at(0),
    median: (at(Math.ceil(middle) - 1) + at(Math.floor(middle))) / 2,
    max: at(sorted.length - 1),
  };
}
