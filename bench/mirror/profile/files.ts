import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Comparison } from '../results.ts';
import { plot } from './plot.ts';
import { nameOf, type Profile } from './profile.ts';
import { report } from './report.ts';

const named = /^profile-[A-Z]\.json$/;

/** The name of each file that a profile is shown in -> what it says beside these results. */
export const viewsOf = (profile: Profile, comparisons: readonly Comparison[]): Record<string, string> => ({
  [`${nameOf(profile)}.md`]: report(profile, comparisons),
  [`${nameOf(profile)}.svg`]: plot(profile),
});

export async function readProfiles(folder: string): Promise<Profile[]> {
  const names = existsSync(folder) ? (await readdir(folder)).filter((name) => named.test(name)).sort() : [];
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Profile),
  );
}

/** Puts a profile in the place of an earlier one. */
export async function keepProfile(
  folder: string,
  profile: Profile,
  comparisons: readonly Comparison[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = {
    // A line for each request and each look at the processors.
    [`${nameOf(profile)}.json`]: `${JSON.stringify(profile).replaceAll(/(?<=[[,])\{/g, '\n{')}\n`,
    ...viewsOf(profile, comparisons),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
