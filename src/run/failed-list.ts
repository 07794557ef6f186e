import { resolve } from 'node:path';
import { BootstrapError } from '../core/errors.ts';
import { type OutputFile, prepareOutput, writeOutput } from './output-file.ts';
import type { Session } from './session.ts';

/** The references that are left for the next try, as `--from-file` reads them. */
export interface FailedList {
  /**
   * @param end the error that ends the run, if one does: that the list cannot be written must not take its place
   * @throws BootstrapError `file-unwritable`
   */
  write(sources: readonly string[], end?: unknown): void;
}

/**
 * @param name of the file that `--failed-to` names; without it nothing is written
 * @throws BootstrapError `file-unwritable`, before there is any work to be lost
 */
export function openFailedList({ cwd, reporter }: Session, name: string | undefined): FailedList {
  if (name === undefined) return { write: () => undefined };
  const file: OutputFile = { path: resolve(cwd, name), name, hint: 'Give --failed-to another file.' };
  prepareOutput(file);
  return {
    write(sources, end) {
      try {
        writeOutput(file, sources.map((source) => `${oneLine(source)}\n`).join(''));
      } catch (error) {
        if (end === undefined || !(error instanceof BootstrapError)) throw error;
        reporter.warn(error.message);
      }
    },
  };
}

/** A line is a reference: what is none must not become several. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');
