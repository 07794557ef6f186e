import { type Comparison, type Phase, phases, rowsOf, type Row } from './results.ts';

/** A goal for the registry engine, and the result. Missing it does not fail the benchmark. */
export interface Target {
  /** `A cold, https` */
  readonly scope: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** The round trip that the goals apply to. */
export const targetRoundTripMs = 40;

/** The minimum speed, as a multiple of the fastest peer's. */
const minSpeed: Readonly<Record<Phase, number>> = { cold: 3, warm: 2 };
/**
 * Processors and the registry limit set C for every tool. The maximum, as a multiple of the fastest peer's
 * seconds.
 */
const maxSecondsRatioForC = 1.1;
const maxMemoryBytes = 150e6;
/** For many images with nothing new: seconds in addition to the round trips of this many parallel requests. */
const nothingNew = { seconds: 2, atOnce: 10, minImages: 200 };

export function targetsOf(comparison: Comparison): Target[] {
  const { set, images, roundTripMs, transport, floor } = comparison;
  if (roundTripMs !== targetRoundTripMs) return [];
  const targets: Target[] = [];
  for (const phase of phases) {
    const rows = rowsOf(comparison, phase);
    const own = rows.find(({ tool }) => tool === 'registry');
    if (!own) continue;
    const add = (wanted: string, measured: string, isMet: boolean) =>
      targets.push({ scope: `${set} ${phase}, ${transport}`, wanted, measured, isMet });
    if (own.speed !== undefined && set === 'C') {
      const ratio = 1 / own.speed;
      const wanted = `at most ${maxSecondsRatioForC} times the fastest peer's seconds`;
      add(wanted, `${ratio.toFixed(2)} times`, ratio <= maxSecondsRatioForC);
    } else if (own.speed !== undefined) {
      const wanted = `at least ${minSpeed[phase]} times as fast as the fastest peer`;
      add(wanted, `${own.speed.toFixed(2)} times`, own.speed >= minSpeed[phase]);
    }
    add(`at most ${floor[phase]} requests`, `${own.requests}`, own.requests <= floor[phase]);
    const megabytes = `${Math.round(own.maxMemoryBytes / 1e6)} MB`;
    add(`less than ${maxMemoryBytes / 1e6} MB at any time`, megabytes, own.maxMemoryBytes < maxMemoryBytes);
    if (phase === 'cold') addCpu(add, own, rows);
    if (phase === 'warm' && images >= nothingNew.minImages) {
      const roundTrips = ((images / nothingNew.atOnce) * roundTripMs) / 1000;
      const wanted = `${images} images with nothing new in less than ${nothingNew.seconds} s and ${roundTrips.toFixed(1)} s of round trips`;
      const { median } = own.seconds;
      add(wanted, `${median.toFixed(2)} s`, median < nothingNew.seconds + roundTrips);
    }
  }
  return targets;
}

function addCpu(add: (...target: [string, string, boolean]) => void, own: Row, rows: readonly Row[]): void {
  const skopeo = rows.find(({ tool }) => tool === 'skopeo');
  if (!skopeo) return;
  const max = skopeo.cpuSecondsPerGb;
  const measured = own.cpuSecondsPerGb;
  add(`at most skopeo's ${max.toFixed(2)} CPU seconds per GB`, measured.toFixed(2), measured <= max);
}
