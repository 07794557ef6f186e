import { type SetName, setNames } from './images.ts';
import type { Cost } from './measure.ts';
import type { ToolName } from './tools.ts';

/** The distance of both registries in all results. */
export const roundTripMs = 40;

export const phases = ['cold', 'warm'] as const;
/** Cold: into an empty registry. Warm: once more, with everything in place. */
export type Phase = (typeof phases)[number];

/** One run of one tool; a tool that fails is run again, and that counts too. */
export interface Sample extends Cost {
  readonly tool: ToolName;
  readonly phase: Phase;
  readonly attempts: number;
  /** Requests answered by both registries together. */
  readonly requests: number;
  /** The bytes of blobs that the source sent. */
  readonly sourceBytes: number;
}

/** Runs that may be compared with each other: the tools took turns on one machine. */
export interface Comparison {
  readonly measuredAt: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly set: SetName;
  readonly title: string;
  /** The bytes of all blobs, each once. */
  readonly uniqueBytes: number;
  /** The seconds that ECR's rate of manifests takes. */
  readonly ecrFloorSeconds: number;
  readonly fewestRequests: Readonly<Record<Phase, number>>;
  readonly samples: readonly Sample[];
}

/** The published results after new ones of some sets, in the order of the sets. */
export const merged = (published: readonly Comparison[], measured: readonly Comparison[]): Comparison[] =>
  setNames.flatMap((name) => [...measured, ...published].find(({ set }) => set === name) ?? []);

/** A line of the table: the results of one tool in one phase. Values are medians, unless the name says otherwise. */
export interface Row {
  readonly tool: ToolName;
  readonly seconds: Spread;
  /** The seconds of this tool divided by those of the registry engine of this build, round by round. */
  readonly ratio: Spread | undefined;
  readonly maxAttempts: number;
  readonly requests: number;
  /** The bytes from the source, divided by those of all blobs. */
  readonly sourceShare: number;
  readonly cpuSeconds: number;
  readonly maxMemoryBytes: number;
}

/** The rows of one phase, in the order of the tools. */
export function rowsOf({ samples, uniqueBytes }: Comparison, phase: Phase): Row[] {
  const byTool = new Map<ToolName, Sample[]>();
  for (const sample of samples.filter((one) => one.phase === phase))
    byTool.set(sample.tool, [...(byTool.get(sample.tool) ?? []), sample]);
  const own = byTool.get('registry');
  return [...byTool].map(([tool, runs]) => {
    const ratios = runs.flatMap((run, round) => (own?.[round] ? [run.seconds / own[round].seconds] : []));
    return {
      tool,
      seconds: spreadOf(runs.map(({ seconds }) => seconds)),
      ratio: ratios.length > 0 ? spreadOf(ratios) : undefined,
      maxAttempts: spreadOf(runs.map(({ attempts }) => attempts)).max,
      requests: spreadOf(runs.map(({ requests }) => requests)).median,
      sourceShare: spreadOf(runs.map(({ sourceBytes }) => sourceBytes / uniqueBytes)).median,
      cpuSeconds: spreadOf(runs.map(({ cpuSeconds }) => cpuSeconds)).median,
      maxMemoryBytes: spreadOf(runs.map(({ peakMemoryBytes }) => peakMemoryBytes)).max,
    };
  });
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
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
