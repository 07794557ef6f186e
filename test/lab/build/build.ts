import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import pLimit from 'p-limit';

import { cache } from '../paths.ts';
import { say } from '../process.ts';
import { ensureDebianPackages } from './debian.ts';
import { ensurePart } from './part.ts';
import { parts } from './parts.ts';

/** Builds everything that the lab runs, except what already exists. */
export async function build(): Promise<void> {
  await mkdir(cache, { recursive: true });
  say(`Building the lab's parts in ${cache}`);
  await ensureDebianPackages(join(cache, 'debian.log'));
  // Downloads and linking leave cores idle, so another part is built meanwhile.
  const limit = pLimit(2);
  await Promise.all(parts.map((part) => limit(() => ensurePart(part))));
}
