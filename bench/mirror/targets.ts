import { type Comparison, type Phase, phases, rowsOf, type Row } from './results.ts';
import type { SetName } from './sets.ts';

/** What the registry engine should reach, and what it did. Nothing fails when it does not. */
export interface Target {
  /** `A cold, https` */
  readonly of: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** Milliseconds of the round trip that targets are about. */
export const judgedRoundTrip = 40;

/** How many times as fast as the fastest peer. */
const leastSpeed: Readonly<Record<Phase, number>> = { cold: 3, warm: 2 };
/** One blob is bound by the processors and the registry, for every tool: so many times the fastest peer's seconds. */
const mostForOne = 1.1;
const mostMemory = 150e6;
/** Looking at many images that are all there: seconds besides the round trips of so many parallel requests at a host. */
const nothingNew = { seconds: 2, atOnce: 10, from: 200 };

/** Empty for comparisons that nothing is expected of, and when the registry engine did not take part. */
export function targetsOf(comparison: Comparison): Target[] {
  if (comparison.roundTrip !== judgedRoundTrip) return [];
  return phases.flatMap((phase) => {
    const rows = rowsOf(comparison, phase);
    const own = rows.find(({ tool }) => tool === 'registry');
    if (!own) return [];
    const found = [
      speed(comparison, phase, own),
      requests(comparison, phase, own),
      memory(own),
      ...(phase === 'cold' ? cpu(own, rows) : []),
      ...(phase === 'warm' ? quick(comparison, own) : []),
    ].filter((target) => target !== undefined);
    return found.map((target) => ({ of: `${comparison.set} ${phase}, ${comparison.transport}`, ...target }));
  });
}

/** What is wanted of the speed with a set, and at how many of the fastest peer's seconds it is reached. */
function wantedSpeed(set: SetName, phase: Phase): { readonly wanted: string; readonly share: number } {
  if (set === 'C')
    return { wanted: `at most ${mostForOne} times the fastest peer's seconds`, share: mostForOne };
  const least = leastSpeed[phase];
  return { wanted: `at least ${least} times as fast as the fastest peer`, share: 1 / least };
}

type Judged = Omit<Target, 'of'>;

function speed({ set }: Comparison, phase: Phase, { speed: reached }: Row): Judged | undefined {
  if (reached === undefined) return undefined;
  const { wanted, share } = wantedSpeed(set, phase);
  const isMet = 1 / reached <= share;
  const measured = set === 'C' ? 1 / reached : reached;
  return { wanted, measured: `${measured.toFixed(2)} times`, isMet };
}

function requests({ floor }: Comparison, phase: Phase, { requests: sent }: Row): Judged {
  return { wanted: `at most ${floor[phase]} requests`, measured: `${sent}`, isMet: sent <= floor[phase] };
}

function memory({ largestMemory }: Row): Judged {
  return {
    wanted: `less than ${mostMemory / 1e6} MB at any time`,
    measured: `${Math.round(largestMemory / 1e6)} MB`,
    isMet: largestMemory < mostMemory,
  };
}

function cpu({ cpuSecondsPerGb }: Row, rows: readonly Row[]): Judged[] {
  const skopeo = rows.find(({ tool }) => tool === 'skopeo');
  if (!skopeo) return [];
  const most = skopeo.cpuSecondsPerGb;
  return [
    {
      wanted: `at most skopeo's ${most.toFixed(2)} CPU seconds per GB`,
      measured: cpuSecondsPerGb.toFixed(2),
      isMet: cpuSecondsPerGb <= most,
    },
  ];
}

function quick({ images, roundTrip }: Comparison, { seconds }: Row): Judged[] {
  if (images < nothingNew.from) return [];
  const trips = ((images / nothingNew.atOnce) * roundTrip) / 1000;
  const most = nothingNew.seconds + trips;
  return [
    {
      wanted: `${images} images with nothing new in less than ${nothingNew.seconds} s and ${trips.toFixed(1)} s of round trips`,
      measured: `${seconds.median.toFixed(2)} s`,
      isMet: seconds.median < most,
    },
  ];
}
