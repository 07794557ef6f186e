import { accessSync, constants, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BootstrapError, reasonOf } from '../core/errors.ts';

/** An output file that the command line names. */
export interface OutputFile {
  readonly path: string;
  /** The name as given on the command line. */
  readonly name: string;
  /** How to fix it if it cannot be written. */
  readonly hint: string;
}

/**
 * Creates the folders of a file, and checks that it can be written. A run that writes a file at the end calls
 * this at the start.
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
 * Writes the file so that only this user can read it.
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
    { code: 'file-unwritable', what: `could not write ${name}`, why: reasonOf(cause), hint },
    { cause },
  );
