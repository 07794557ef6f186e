import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { built } from '../build.ts';
import type { Surroundings } from '../compare.ts';
import { describeMachine, versionOf } from '../machine.ts';
import { measure } from '../measure.ts';
import type { Ground } from '../place.ts';
import type { Cell } from '../plan.ts';
import { median, type Phase, phases } from '../results.ts';
import type { SetName } from '../sets.ts';
import type { Source } from '../source.ts';
import { trial } from '../trial.ts';
import { chainOf } from './chain.ts';
import { type RunRecord, traceVariable } from './record.ts';
import { recorded } from './recorded.ts';

/** What shows what bounds the registry engine with one set. */
export interface Profile {
  readonly measuredAt: string;
  readonly machine: string;
  readonly processors: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly set: SetName;
  readonly title: string;
  /** Milliseconds. */
  readonly roundTrip: number;
  /** Round trips that must follow each other. */
  readonly chain: Readonly<Record<Phase, number>>;
  readonly bare: Bare;
  readonly runs: Readonly<Record<Phase, ProfiledRun>>;
}

/** Seconds of a Node with an empty program, and what the recorder adds to that. */
export interface Bare {
  readonly node: number;
  readonly recorder: number;
}

export interface ProfiledRun {
  /** Of each run with the recorder, and of as many without it, which took turns. */
  readonly recordedSeconds: readonly number[];
  readonly plainSeconds: readonly number[];
  /** Of the recorded runs, the one in the middle. */
  readonly record: RunRecord;
}

/** What the files of a profile are called, without their ends. */
export const nameOf = ({ set }: Profile): string => `profile-${set}`;

/** Runs the registry engine again and again, with and without being recorded. */
export async function profile(cell: Cell, source: Source, around: Surroundings): Promise<Profile> {
  const { root, toolOf, signal, tell } = around;
  const tool = toolOf('registry');
  const records: Record<Phase, RunRecord>[] = [];
  const plain: Record<Phase, number>[] = [];
  const bare: Bare[] = [];
  const registry = await source.start();
  try {
    const { roundTrip } = cell;
    const ground: Ground = { root, source: registry, digests: source.digests, roundTrip, signal };
    for (let repetition = 0; repetition < cell.repetitions; repetition += 1) {
      bare.push(await bareNode(root, signal));
      const [cold, warm] = (await trial(tool, ground)).map(({ seconds }) => seconds);
      plain.push({ cold: cold ?? NaN, warm: warm ?? NaN });
      const record = await recorded(tool, ground);
      records.push(record);
      tell(`  ${phases.map((phase) => `${phase} ${record[phase].seconds.toFixed(2)} s`).join(', ')}`);
    }
  } finally {
    await registry.stop();
  }
  const runOf = (phase: Phase): ProfiledRun => {
    const own = records.map((record) => record[phase]).sort((a, b) => a.seconds - b.seconds);
    return {
      recordedSeconds: own.map(({ seconds }) => seconds),
      plainSeconds: plain.map((seconds) => seconds[phase]).sort((a, b) => a - b),
      record: own[Math.floor((own.length - 1) / 2)]!,
    };
  };
  const { set } = source;
  return {
    measuredAt: new Date().toISOString(),
    machine: describeMachine(),
    processors: cpus().length,
    versions: { node: process.versions.node, 'docker-registry': versionOf('docker-registry') },
    ...{ set: set.name, title: set.title, roundTrip: cell.roundTrip, chain: chainOf(set) },
    bare: {
      node: median(bare.map(({ node }) => node)),
      recorder: median(bare.map(({ recorder }) => recorder)),
    },
    runs: { cold: runOf('cold'), warm: runOf('warm') },
  };
}

/** Node with an empty program, without and with the recorder. */
async function bareNode(root: string, signal: AbortSignal): Promise<Bare> {
  const empty = join(root, 'empty.mjs');
  await writeFile(empty, '');
  const env = { PATH: process.env['PATH'], [traceVariable]: join(root, 'empty.json') };
  const seconds = async (...options: string[]) =>
    (await measure([process.execPath, ...options, empty], { folder: root, env, signal })).seconds;
  const node = await seconds();
  return { node, recorder: (await seconds('--import', built().trace)) - node };
}
