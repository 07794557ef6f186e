import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent, verified } from '../../clients/registry/digest.ts';
import { RegistryError } from '../../clients/registry/errors.ts';
import type { Call } from '../../clients/registry/host.ts';
import type { Descriptor } from '../../clients/registry/manifest.ts';
import type { Reply } from '../../clients/registry/transport.ts';

/** A repository of a registry: where content is read from. */
export interface RepositoryLocation {
  readonly registry: Registry;
  readonly repository: string;
}

/** How often a download that broke off in the middle is taken up again. */
const maxResumptions = 4;

/**
 * A blob's bytes, with back pressure and verified: see {@link verified}. A connection that breaks is taken up again where it broke.
 * @throws RegistryError, CorruptContent
 */
export function readBlob(
  place: RepositoryLocation,
  blob: Descriptor,
  call: Call,
): AsyncGenerator<Buffer, void, undefined> {
  return verified(resuming(place, blob, call), blob);
}

async function* resuming(
  place: RepositoryLocation,
  blob: Descriptor,
  call: Call,
): AsyncGenerator<Buffer, void, undefined> {
  let offset = 0;
  for (let resumptions = 0; ; resumptions += 1) {
    const { registry, repository } = place;
    const from = offset;
    const reply = await registry.retrying(call, () => registry.openBlob(repository, blob.digest, from, call));
    try {
      for await (const chunk of continued(reply, from, blob)) {
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      const mayGoOn = error instanceof RegistryError && error.failure.retryable && offset > from;
      if (!mayGoOn || resumptions >= maxResumptions) throw error;
    }
  }
}

/** The bytes from `offset` on, whether or not the server heeded the range. */
async function* continued(
  reply: Reply,
  offset: number,
  { digest, size }: Descriptor,
): AsyncGenerator<Buffer> {
  const isPart = reply.status === 206;
  const announced = reply.header('content-length');
  const expected = isPart ? size - offset : size;
  if (announced !== undefined && Number(announced) !== expected) {
    await reply.dump();
    throw new CorruptContent(`the source announces ${announced} instead of ${expected} bytes for ${digest}`);
  }
  let toSkip = isPart ? 0 : offset;
  for await (const chunk of reply.chunks()) {
    const rest = chunk.subarray(Math.min(toSkip, chunk.length));
    toSkip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
