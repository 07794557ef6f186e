import { imageSet, plainSetOf } from './images.ts';
import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { isOtherBuild, isPeer, labelOf, type ToolName } from './tools.ts';

/** A goal for the registry engine, and the result. Missing it does not fail the benchmark. */
export interface Target {
  readonly phase: Phase;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/**
 * The minimum speed, as a multiple of the fastest peer's. Processors and registries limit sets C and A-no-mounts for
 * every tool.
 */
const minSpeeds: Readonly<Record<Phase, Partial<Record<Comparison['set'], number>>>> = {
  cold: { A: 2.5, B: 3.2, C: 0.91, D: 1.6, 'C-tls': 0.91, 'E-no-mounts': 1.5, 'A-100mbit': 1.5 },
  warm: { A: 2, B: 2, C: 0.91, D: 2, 'C-tls': 0.91 },
};
/** As a multiple of another build's seconds, in the same rounds. */
const maxShareOfOtherBuild = 1.1;
const maxSourceShare = 1.1;
/** With refused requests, as a multiple of the seconds without. */
const maxSlowdown = 1.25;
const maxMemoryBytes = 150e6;
/** Two seconds, and the round trips of 200 images at 10 requests at a time. */
const maxSecondsForWarmB = 2.8;

/** @param all has the set without conditions, if that was measured too */
export function targetsOf(comparison: Comparison, all: readonly Comparison[]): Target[] {
  return phases.flatMap((phase) => phaseTargets(comparison, phase, all));
}

function phaseTargets(comparison: Comparison, phase: Phase, all: readonly Comparison[]): Target[] {
  const { set, fewestRequests } = comparison;
  const rows = rowsOf(comparison, phase);
  const own = rows.find(({ tool }) => tool === 'registry');
  if (!own) return [];
  const targets: Target[] = [];
  const add = (wanted: string, measured: string, isMet: boolean) =>
    targets.push({ phase, wanted, measured, isMet });
  const peer = fastestPeer(rows);
  const minSpeed = minSpeeds[phase][set];
  if (peer && minSpeed !== undefined) {
    const speed = peer.seconds.median / own.seconds.median;
    add(`at least ${minSpeed} times as fast as the fastest peer`, times(speed), speed >= minSpeed);
  }
  for (const { tool, ratio } of rows) {
    if (!ratio || !isOtherBuild(tool)) continue;
    const share = 1 / ratio.median;
    const wanted = `at most ${maxShareOfOtherBuild} times the seconds of ${labelOf(tool)}`;
    add(wanted, times(share), share <= maxShareOfOtherBuild);
  }
  const slowdown = phase === 'cold' ? slowdownOf(comparison, 'registry', all) : undefined;
  if (slowdown !== undefined)
    add(
      `at most ${maxSlowdown} times the seconds without refusals`,
      times(slowdown),
      slowdown <= maxSlowdown,
    );
  if (phase === 'cold') {
    const wanted = `at most ${maxSourceShare} times the unique bytes from the source`;
    add(wanted, times(own.sourceShare), own.sourceShare <= maxSourceShare);
  }
  const { refusesMounts, refusedShare } = imageSet(set, false);
  if ((refusesMounts ?? refusedShare) === undefined) {
    const requests = fewestRequests[phase];
    add(`at most ${requests} requests`, `${own.requests}`, own.requests <= requests);
  }
  const megabytes = `${Math.round(own.maxMemoryBytes / 1e6)} MB`;
  add(`less than ${maxMemoryBytes / 1e6} MB at any time`, megabytes, own.maxMemoryBytes < maxMemoryBytes);
  const skopeo = rows.find(({ tool }) => tool === 'skopeo');
  if (phase === 'cold' && skopeo) {
    const wanted = `at most skopeo's ${skopeo.cpuSeconds.toFixed(2)} CPU seconds`;
    add(wanted, own.cpuSeconds.toFixed(2), own.cpuSeconds <= skopeo.cpuSeconds);
  }
  if (phase === 'warm' && set === 'B') {
    const { median } = own.seconds;
    add(`less than ${maxSecondsForWarmB} s`, `${median.toFixed(2)} s`, median < maxSecondsForWarmB);
  }
  return targets;
}

const times = (value: number): string => `${value.toFixed(2)} times`;

export function fastestPeer(rows: readonly Row[]): Row | undefined {
  const peers = rows.filter(({ tool }) => isPeer(tool));
  return peers.sort((a, b) => a.seconds.median - b.seconds.median)[0];
}

/** The seconds of a cold run with refused requests, divided by those without. Undefined for other sets. */
export function slowdownOf(
  comparison: Comparison,
  tool: ToolName,
  all: readonly Comparison[],
): number | undefined {
  if (imageSet(comparison.set, false).refusedShare === undefined) return undefined;
  const plain = all.find(({ set }) => set === plainSetOf(comparison.set));
  const [with_, without] = [comparison, plain].map(
    (one) => one && rowsOf(one, 'cold').find((row) => row.tool === tool)?.seconds.median,
  );
  return with_ && without && with_ / without;
}
