import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { cache } from '../paths.ts';
import { say } from '../process.ts';

/** A component that is built once per version and kept in the cache. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** Writes the finished files to `out`. `work` is scratch space that is deleted afterwards. */
  make(place: { out: string; work: string; log: string }): Promise<void>;
}

/** The folder of a finished part. */
export function partFolder(part: Pick<Part, 'name' | 'version'>): string {
  return join(cache, `${part.name}-${part.version}-${process.arch}`);
}

/** Builds the part unless it exists. It appears completely or not at all, so an interrupted build starts again. */
export async function ensurePart(part: Part): Promise<void> {
  const folder = partFolder(part);
  const title = `${part.name} ${part.version}`;
  if (existsSync(folder)) {
    say(`  ${title}: there`);
    return;
  }
  say(`  ${title}: building ...`);
  const started = performance.now();
  const scratch = `${folder}.making`;
  const place = { out: join(scratch, 'out'), work: join(scratch, 'work'), log: `${folder}.log` };
  await rm(scratch, { recursive: true, force: true });
  await rm(place.log, { force: true });
  await mkdir(place.out, { recursive: true });
  await mkdir(place.work);
  await part.make(place);
  await rename(place.out, folder);
  await rm(scratch, { recursive: true });
  say(`  ${title}: built in ${Math.round((performance.now() - started) / 1000)} s`);
}
