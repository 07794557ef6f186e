import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { decodeText } from '../core/decode-text.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { BootstrapError, reasonOf, systemCode } from '../core/errors.ts';
import type { Session } from './session.ts';

/** A text file that a flag names. */
export interface InputFile {
  /** A path, or `-` for standard input. */
  readonly file: string;
  /** `--from-file`. */
  readonly flag: string;
  /** What fails if it cannot be used: `could not read references from images.txt`. */
  readonly what: string;
  /** For content that cannot be used. */
  readonly code: ErrorCode;
  readonly hint: string;
}

/** More than any real file has, and few enough for the memory. */
const maxBytes = 128 * 1024 * 1024;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EISDIR: 'it is a folder',
};

/** The name of a file for messages. */
export const inputName = (file: string): string => (file === '-' ? 'standard input' : `file ${file}`);

/** @throws BootstrapError `file-missing`, or the file's own code if it is too large or not text */
export async function readInput({ cwd, streams }: Session, input: InputFile): Promise<string> {
  const { file, flag, what } = input;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of file === '-' ? streams.stdin : createReadStream(resolve(cwd, file))) {
      const bytes = Buffer.from(chunk as Buffer);
      size += bytes.length;
      if (size > maxBytes) throw unusableInput(input, `it is larger than ${maxBytes / 1024 / 1024} MiB`);
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    const why = reasons[systemCode(error)] ?? reasonOf(error);
    const hint = `Correct ${flag}; \`-\` reads standard input.`;
    throw new BootstrapError({ code: 'file-missing', what, why, hint }, { cause: error });
  }
  try {
    return decodeText(Buffer.concat(chunks), { fatal: true });
  } catch (error) {
    throw unusableInput(input, 'it is not text in UTF-8 or UTF-16', error);
  }
}

export const unusableInput = (
  { code, what, hint }: InputFile,
  why: string,
  cause?: unknown,
): BootstrapError => new BootstrapError({ code, what, why, hint }, { cause });
