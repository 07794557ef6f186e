import { accessSync, constants, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BootstrapError, reasonOf } from '../core/errors.ts';

/** A file that was named on the command line, to be written. */
export interface OutputFile {
  readonly path: string;
  /** As it was named. */
  readonly name: string;
  /** What to do when it cannot be written. */
  readonly hint: string;
}

/**
 * For a file that is written at the end of a run, at its beginning: makes the folders on the way and tells whether
 * it can be written.
 * @throws BootstrapError `file-unwritable`
 */
export function prepareOutput(file: OutputFile): void {
  const { path } = file;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const exists = existsSync(path);
    if (exists && statSync(path).isDirectory()) throw new Error('it is a folder');
    accessSync(exists ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritable(file, error);
  }
}

/**
 * Nobody else may read it.
 * @throws BootstrapError `file-unwritable`
 */
export function writeOutput(file: OutputFile, text: string): void {
  try {
    writeFileSync(file.path, text, { mode: 0o600 });
  } catch (error) {
    throw unwritable(file, error);
  }
}

const unwritable = ({ name, hint }: OutputFile, cause: unknown): BootstrapError =>
  new BootstrapError(
    { code: 'file-unwritable', what: `write ${name}`, why: reasonOf(cause), hint },
    { cause },
  );
