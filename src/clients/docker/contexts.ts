import { join } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import type { EngineAddress } from './address.ts';
import { dockerUnreachable } from './errors.ts';
import { readIfThere, readTls } from './tls.ts';

/** The context that `docker context use` set, if any. */
export async function currentDockerContext(configDir: string): Promise<string | undefined> {
  const config = await readJson(join(configDir, 'config.json'));
  const name = config?.['currentContext'];
  return typeof name === 'string' && name ? name : undefined;
}

/** The engine of a context. The docker command stores a context in a folder named with the SHA-256 of its name. */
export async function contextAddress(configDir: string, name: string): Promise<EngineAddress> {
  const folder = sha256(name);
  const meta = await readJson(join(configDir, 'contexts/meta', folder, 'meta.json'));
  const endpoint = dockerEndpoint(meta);
  if (!endpoint) {
    throw dockerUnreachable(
      `could not find the Docker context "${name}"`,
      meta ? 'it contains no Docker engine' : `it is not in ${join(configDir, 'contexts')}`,
      'List the contexts with `docker context ls`, or set DOCKER_HOST.',
    );
  }
  const origin = `context "${name}"`;
  const tls = await readTls(join(configDir, 'contexts/tls', folder, 'docker'), !endpoint.skipVerify);
  const hasTls = Boolean(tls.ca ?? tls.cert) || endpoint.skipVerify;
  return { url: endpoint.host, origin, ...(hasTls && { tls }) };
}

function dockerEndpoint(meta: Json | undefined): { host: string; skipVerify: boolean } | undefined {
  const endpoints = meta?.['Endpoints'] as
    { docker?: { Host?: unknown; SkipTLSVerify?: unknown } } | undefined;
  const { Host: host, SkipTLSVerify: skip } = endpoints?.docker ?? {};
  return typeof host === 'string' && host ? { host, skipVerify: skip === true } : undefined;
}

type Json = Record<string, unknown>;

async function readJson(path: string): Promise<Json | undefined> {
  try {
    const text = await readIfThere(path);
    // The docker command treats an empty file as an empty configuration.
    return text?.trim() ? (JSON.parse(text) as Json) : undefined;
  } catch (error) {
    throw dockerUnreachable(
      `could not read ${path}`,
      reasonOf(error),
      'Correct the file, or set DOCKER_HOST.',
      error,
    );
  }
}
