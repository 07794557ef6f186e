import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** PEM texts for a TLS connection to an engine. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** False if the docker configuration disables the check of the engine's certificate. */
  readonly verify: boolean;
}

/** Reads `ca.pem`, `cert.pem` and `key.pem` from a folder; each may be missing. */
export async function readTls(folder: string, verify: boolean): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readIfThere(join(folder, name))),
  );
  return { verify, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

/** A file's text, or undefined when the file does not exist. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
