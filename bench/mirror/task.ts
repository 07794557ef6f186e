import { fileURLToPath } from 'node:url';
import { compare, type Surroundings } from './compare.ts';
import type { Options } from './options.ts';
import type { Cell } from './plan.ts';
import { keepProfile } from './profile/files.ts';
import { profile } from './profile/profile.ts';
import { report } from './profile/report.ts';
import type { Comparison } from './results.ts';
import type { Source } from './source.ts';
import { markdown } from './table.ts';
import { keep, readResults } from './write.ts';

/** Where the results are that this repository shows. */
const published = fileURLToPath(new URL('../results', import.meta.url));

export type Work = (cell: Cell, source: Source, around: Surroundings) => Promise<void>;

/** What is done with each cell, and what is shown of it at the end. What is made is kept at once. */
export interface Task {
  /** In the plural. */
  readonly what: string;
  readonly work: Work;
  readonly shown: () => string;
}

export function comparing({ out }: Options): Task {
  const done: Comparison[] = [];
  const work: Work = async (...about) => {
    const comparison = await compare(...about);
    done.push(comparison);
    if (out !== undefined) await keep(out, comparison);
  };
  return { what: 'comparisons', work, shown: () => (done.length === 0 ? '' : markdown(done)) };
}

/** Targets are those of the last comparison of whole sets. */
export function profiling({ out, isQuick }: Options): Task {
  const reports: string[] = [];
  const work: Work = async (...about) => {
    const made = await profile(...about);
    const comparisons = isQuick ? [] : await readResults(published);
    reports.push(report(made, comparisons));
    if (out !== undefined) await keepProfile(out, made, comparisons);
  };
  return { what: 'profiles', work, shown: () => reports.join('\n') };
}
