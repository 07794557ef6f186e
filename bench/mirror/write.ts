import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plot } from './plot.ts';
import { type Comparison, merged } from './results.ts';
import { markdown } from './table.ts';

/** The name of each file that results are shown in -> how it is made. */
export const views: Readonly<Record<string, (comparisons: readonly Comparison[]) => string>> = {
  'results.md': markdown,
  'results.svg': plot,
};

export async function readResults(folder: string): Promise<Comparison[]> {
  return JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')) as Comparison[];
}

/** Puts a comparison in its place among those that the folder has. */
export async function keep(folder: string, comparison: Comparison): Promise<void> {
  const earlier = existsSync(join(folder, 'results.json')) ? await readResults(folder) : [];
  const comparisons = merged(earlier, [comparison]);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(comparisons, null, 2)}\n`);
  for (const [name, view] of Object.entries(views)) await writeFile(join(folder, name), view(comparisons));
}
