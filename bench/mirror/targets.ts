import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { isPeer } from './tools.ts';

/** A goal for the registry engine, and the result. Missing it does not fail the benchmark. */
export interface Target {
  readonly phase: Phase;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** The minimum speed, as a multiple of the fastest peer's. */
const minSpeed: Readonly<Record<Phase, number>> = { cold: 3, warm: 2 };
/** Processors and the registry limit set C for every tool. A multiple of the fastest peer's seconds. */
const maxSecondsRatioForC = 1.1;
const maxMemoryBytes = 150e6;
/** Two seconds, and the round trips of 200 images at 10 requests at a time. */
const maxSecondsForWarmB = 2.8;

export function targetsOf(comparison: Comparison): Target[] {
  return phases.flatMap((phase) => phaseTargets(comparison, phase, rowsOf(comparison, phase)));
}

function phaseTargets({ set, fewestRequests }: Comparison, phase: Phase, rows: readonly Row[]): Target[] {
  const own = rows.find(({ tool }) => tool === 'registry');
  if (!own) return [];
  const targets: Target[] = [];
  const add = (wanted: string, measured: string, isMet: boolean) =>
    targets.push({ phase, wanted, measured, isMet });
  const peer = fastestPeer(rows);
  const speed = peer && peer.seconds.median / own.seconds.median;
  if (speed !== undefined && set === 'C') {
    const wanted = `at most ${maxSecondsRatioForC} times the fastest peer's seconds`;
    add(wanted, `${(1 / speed).toFixed(2)} times`, 1 / speed <= maxSecondsRatioForC);
  } else if (speed !== undefined) {
    const wanted = `at least ${minSpeed[phase]} times as fast as the fastest peer`;
    add(wanted, `${speed.toFixed(2)} times`, speed >= minSpeed[phase]);
  }
  const requests = fewestRequests[phase];
  add(`at most ${requests} requests`, `${own.requests}`, own.requests <= requests);
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

export function fastestPeer(rows: readonly Row[]): Row | undefined {
  const peers = rows.filter(({ tool }) => isPeer(tool));
  return peers.sort((a, b) => a.seconds.median - b.seconds.median)[0];
}
