import { setMaxListeners } from 'node:events';
import type { Clock } from '../../clock.ts';
import type { WantedImage } from '../../images/port.ts';
import { ecrReference } from '../../images/naming.ts';
import type { Registry } from '../../registry/client.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { Account } from './account.ts';
import { Copy } from './copy.ts';
import type { Contents } from './contents.ts';
import { failureOf } from './failure.ts';
import { resolve } from './resolve.ts';
import { type Looked, resultOf } from './result.ts';

export interface RegistryEngineParts {
  readonly clock: Clock;
  readonly target: Registry;
  /** @param host as it stands in references */
  readonly sourceOf: (host: string) => Registry;
  readonly contents: Contents;
  /** Whether the account lets blobs be mounted between repositories; undefined when that cannot be told. */
  readonly mounting: () => Promise<boolean | undefined>;
}

/** Copies from registry to registry: digests kept, several platforms, nothing on the local disk. */
export function createRegistryEngine(parts: RegistryEngineParts): Engine {
  return {
    name: 'registry',
    plan: async (images, options) => {
      const looked = await lookUp(images, options, parts);
      return looked.map((one) => ('resolution' in one ? resultOf(one.resolution, one.account) : one));
    },
    copy: async (images, options) => {
      const looked = await lookUp(images, options, parts);
      return new Copy(parts, options, await parts.mounting()).run(looked);
    },
  };
}

/** The hosts' limiters keep this within bounds. */
async function lookUp(
  images: readonly WantedImage[],
  options: EngineOptions,
  parts: RegistryEngineParts,
): Promise<Looked[]> {
  const { platforms, noClobber = false, signal } = options;
  // Every request listens to it, and Node would warn of a leak.
  setMaxListeners(0, signal);
  return Promise.all(
    images.map(async (image) => {
      const account = new Account(() => parts.clock.now());
      try {
        const resolution = await resolve(
          image,
          { ...parts, platforms, noClobber },
          { signal, tally: account },
        );
        return { resolution, account };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const target = ecrReference(parts.target.name, image);
        const failed = failureOf(error, `mirror ${image.source}`);
        return {
          image,
          target,
          engine: 'registry',
          state: 'failed',
          platforms: [],
          ...account.figures(),
          error: failed,
        };
      }
    }),
  );
}
