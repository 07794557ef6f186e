import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { pack } from '../support/installed.ts';
import { elfMachines, hasExecutable } from './platforms.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder with the packages to test. */
    readonly packages: string;
  }
}

/** PACKAGES=FOLDER tests packages that `npm run pack` has made, as a release does. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const made = process.env['PACKAGES'];
  if (made !== undefined) {
    provide('packages', resolve(made));
    return () => undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-packages-'));
  await pack(folder, hasExecutable ? Object.keys(elfMachines) : []);
  provide('packages', folder);
  return () => rmSync(folder, { recursive: true });
}
