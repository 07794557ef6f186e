import type { Registry } from '../../clients/registry/client.ts';
import { RegistryError } from '../../clients/registry/errors.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import type { Manifest } from '../../clients/registry/manifest.ts';
import { settleAll } from '../../core/members.ts';
import { isTagImmutable, type WantedImage } from '../../images/wanted.ts';
import type { Contents } from './contents.ts';
import type { Resolution } from './resolve.ts';

/** How registries reject moving an immutable tag. ECR has two codes for it. */
const immutable = /TAG_INVALID|ImageTagAlreadyExists|immutable/i;

/** Puts manifests into ECR: children before their index, the tag last. */
export class Publisher {
  readonly #target: Registry;
  readonly #contents: Contents;
  readonly #put = new Map<string, Promise<void>>();

  constructor(target: Registry, contents: Contents) {
    this.#target = target;
    this.#contents = contents;
  }

  async publish({ image, selection }: Resolution, call: RequestContext): Promise<void> {
    const { root, inner } = selection;
    const indexes = inner.filter(({ isIndex }) => isIndex);
    const images = inner.filter(({ isIndex }) => !isIndex);
    await settleAll(images.map((manifest) => this.#once(image.repository, manifest, call)));
    for (const manifest of indexes) await this.#once(image.repository, manifest, call);
    await this.#tag(image, root, call);
    await this.#contents.keep(root);
  }

  /** Images of one repository may share children. */
  #once(repository: string, manifest: Manifest, call: RequestContext): Promise<void> {
    const key = `${repository}@${manifest.digest}`;
    let put = this.#put.get(key);
    if (!put) {
      put = this.#target.putManifest(repository, manifest.digest, manifest, call);
      this.#put.set(key, put);
    }
    return put;
  }

  async #tag(image: WantedImage, manifest: Manifest, call: RequestContext): Promise<void> {
    const { repository, tag } = image;
    try {
      await this.#target.putManifest(repository, tag, manifest, call);
    } catch (error) {
      if (
        !(error instanceof RegistryError) ||
        !immutable.test(`${error.failure.codes?.join()} ${error.why}`)
      ) {
        throw error;
      }
      // After a lost reply, or by another run, the tag may already point at this image.
      const present = await this.#target.headManifest(repository, tag, call);
      if (present !== manifest.digest) throw immutableTag(error, image);
    }
  }
}

function immutableTag(error: RegistryError, image: WantedImage): RegistryError {
  const hint = isTagImmutable(image)
    ? 'Run the same command again. It uses the image that another run has copied meanwhile.'
    : `Tags of ${image.repository} are immutable. Mirror under another tag, or set repositories.tagMutability to MUTABLE.`;
  return new RegistryError({ code: error.code, what: error.what, why: error.why, hint }, error.failure, {
    cause: error,
  });
}
