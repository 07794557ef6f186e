import { compare, type Surroundings } from './compare.ts';
import type { Options } from './options.ts';
import type { Cell } from './plan.ts';
import type { Comparison } from './results.ts';
import type { Source } from './source.ts';
import { markdown } from './table.ts';
import { keep } from './write.ts';

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
