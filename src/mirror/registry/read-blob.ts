import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent, verified } from '../../clients/registry/digest.ts';
import { RegistryError } from '../../clients/registry/errors.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import type { Descriptor } from '../../clients/registry/manifest.ts';
import type { RegistryResponse } from '../../clients/registry/transport.ts';

/** A repository of a registry: where content is read from. */
export interface RepositoryLocation {
  readonly registry: Registry;
  readonly repository: string;
}

/** How often an interrupted download is resumed. */
const maxResumptions = 4;

/**
 * A blob's bytes, with back pressure and verified: see {@link verified}. Resumes the download when a connection breaks.
 * @throws RegistryError, CorruptContent
 */
export function readBlob(
  location: RepositoryLocation,
  blob: Descriptor,
  call: RequestContext,
): AsyncGenerator<Buffer, void, undefined> {
  return verified(resumed(location, blob, call), blob);
}

async function* resumed(
  location: RepositoryLocation,
  blob: Descriptor,
  call: RequestContext,
): AsyncGenerator<Buffer, void, undefined> {
  let offset = 0;
  for (let resumptions = 0; ; resumptions += 1) {
    const from = offset;
    const reply = await openFrom(location, blob, from, call);
    try {
      for await (const chunk of bytesFrom(reply, from, blob)) {
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      const mayResume = error instanceof RegistryError && error.failure.retryable && offset > from;
      if (!mayResume || resumptions >= maxResumptions) throw error;
    }
  }
}

/** Requests the rest of a blob, or all of it if the server does not have ranges or sends a wrong one. */
async function openFrom(
  { registry, repository }: RepositoryLocation,
  { digest, size }: Descriptor,
  offset: number,
  call: RequestContext,
): Promise<RegistryResponse> {
  const open = (start: number) =>
    registry.retrying(call, () => registry.openBlob(repository, digest, start, call));
  const reply = await open(offset).catch((error: unknown) => {
    const isRefused = error instanceof RegistryError && error.failure.status === 416;
    if (offset > 0 && isRefused) return undefined;
    throw error;
  });
  const range = `bytes ${offset}-${size - 1}/`;
  if (reply && (reply.status !== 206 || reply.header('content-range')?.startsWith(range))) return reply;
  await reply?.dump();
  return open(0);
}

/** The bytes from `offset`, whether or not the server honors the range. */
async function* bytesFrom(
  reply: RegistryResponse,
  offset: number,
  { digest, size }: Descriptor,
): AsyncGenerator<Buffer> {
  const isPartial = reply.status === 206;
  const announced = reply.header('content-length');
  const expected = isPartial ? size - offset : size;
  if (announced !== undefined && Number(announced) !== expected) {
    await reply.dump();
    throw new CorruptContent(`the source sends ${announced} bytes instead of ${expected} for ${digest}`);
  }
  let toSkip = isPartial ? 0 : offset;
  for await (const chunk of reply.chunks()) {
    const rest = chunk.subarray(Math.min(toSkip, chunk.length));
    toSkip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
