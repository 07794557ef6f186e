import { pathToFileURL } from 'node:url';
import type { Registry } from '../../clients/registry/client.ts';
import { type Digest, isDigest } from '../../clients/registry/digest.ts';
import { parseManifest } from '../../clients/registry/manifest.ts';
import { isReferrerTag, listTag } from '../../clients/registry/referrer-tags.ts';
import { RetryBudget, retrying } from '../../clients/registry/retry.ts';
import type { RegistryResponse } from '../../clients/registry/transport.ts';
import type { Clock } from '../../core/clock.ts';
import { BootstrapError } from '../../core/errors.ts';
import { onceFulfilled } from '../../core/once.ts';
import { ecrReference } from '../../images/naming.ts';
import { parseReference, repositoryOf } from '../../images/reference.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { contentOf, type LayoutContent } from './content.ts';
import type { Layout, LayoutEntry } from './layout.ts';

/** What both directions share. Nothing in a folder is temporarily unavailable, but the other side may be. */
const common = (layout: Layout, clock: Clock) => {
  const budget = new RetryBudget();
  return {
    name: layout.name,
    retrying: (({ signal }, attempt) => retrying({ clock, signal, budget }, attempt)) as Registry['retrying'],
    openBlob: ((_, digest, offset) => open(layout, digest, offset)) as Registry['openBlob'],
  };
};

async function open(layout: Layout, digest: Digest, offset: number): Promise<RegistryResponse> {
  if (offset > 0) throw new Error('a file is read from its beginning');
  const { size, chunks } = await layout.openBlob(digest);
  return {
    url: pathToFileURL(digest),
    status: 200,
    header: (name) => (name === 'content-length' ? String(size) : undefined),
    chunks,
    dump: () => Promise.resolve(),
  };
}

/** The layout in place of the registry with that host. */
export function layoutSource(layout: Layout, clock: Clock): (host: string) => Registry {
  const content = onceFulfilled(() => contentOf(layout));
  return (host) => {
    const find = async (repository: string, reference: string) => {
      if (isDigest(reference)) return layout.read(reference);
      const { digest, mediaType } = entryFor(await content(), `${host}/${repository}`, reference) ?? {};
      return digest && layout.read(digest, mediaType);
    };
    const manifest = async (repository: string, reference: string) => {
      const found = await find(repository, reference);
      // An image need not have referrers.
      if (found || isReferrerTag(reference)) return found;
      const isAmbiguous = (await content()).images.filter(({ tag }) => tag === reference).length > 1;
      throw missing(layout, ecrReference(host, { repository, tag: reference }), isAmbiguous);
    };
    return {
      ...common(layout, clock),
      headManifest: async (repository, reference) => (await manifest(repository, reference))?.digest,
      getManifest: manifest,
      referrers: async (repository, subject) => {
        const unnamed = (await content()).referrers.filter((one) => one.subject === subject);
        if (unnamed.length === 0) return undefined;
        const list = await find(repository, listTag(subject));
        const listed = list ? parseManifest(list.bytes, list.mediaType, layout.name).children : [];
        return [...unnamed.map(({ digest, mediaType }) => ({ digest, mediaType, size: 0 })), ...listed];
      },
      hasBlob: (_, digest) => layout.has(digest),
      offersBlob: (_, digest) => layout.has(digest),
      ...readOnly,
    };
  };
}

/** Entries with a full name come first. Another tool may have written the tag alone, or no name for the only image. */
function entryFor(
  { images, referrers }: LayoutContent,
  repository: string,
  tag: string,
): LayoutEntry | undefined {
  const all = [...images, ...referrers];
  const named = all.find(({ name }) => name === `${repository}:${tag}`);
  const tagged = all.filter((entry) => entry.tag === tag);
  const isOnly =
    !isReferrerTag(tag) &&
    images.length === 1 &&
    images.every((entry) => (entry.name ?? entry.tag) === undefined);
  return named ?? (tagged.length === 1 || isOnly ? (tagged[0] ?? images[0]) : undefined);
}

const refuse = (): never => {
  throw new Error('nothing is written to a source');
};
const readOnly = { startUpload: refuse, upload: refuse, putManifest: refuse };

function missing(layout: Layout, reference: string, isAmbiguous: boolean): BootstrapError {
  const what = `could not look up ${reference}`;
  if (isAmbiguous) {
    return new BootstrapError({
      code: 'image-missing',
      what,
      why: `several images of ${layout.name} have this tag, and no full name`,
      hint: 'Write the folder with a tool that stores full names, for example `ecr-bootstrap mirror --to`.',
    });
  }
  return new BootstrapError({
    code: 'image-missing',
    what,
    why: `${layout.name} does not have it`,
    hint: `On a machine that reaches the registry, add it: \`ecr-bootstrap mirror --to ${layout.name} --platform all ${reference}\`.`,
  });
}

/** The image with its own name instead of the one in ECR. */
export function layoutImage(image: WantedImage): WantedImage {
  const reference = parseReference(image.source);
  return {
    ...image,
    repository: repositoryOf(reference),
    tag: reference.tag ?? reference.digest ?? 'latest',
  };
}

/** The reference of an image in the layout, as skopeo writes it. */
export const layoutReference = (layout: Layout, image: WantedImage): string =>
  `${layout.name}:${layoutName(image)}`;

const layoutName = ({ repository, tag }: WantedImage): string =>
  `${repository}${tag.includes(':') ? '@' : ':'}${tag}`;

/**
 * The layout in place of the registry to which images are copied. Repositories share their blobs: an upload of a blob
 * that the layout has is not needed. An incomplete image counts as absent, so that the next copy completes it.
 */
export function layoutTarget(layout: Layout, clock: Clock): Registry {
  const entries = onceFulfilled(() => layout.entries({ isNew: true }));
  const digestIn = async (repository: string, reference: string) =>
    (await entries()).find((entry) => isNamed(entry, repository, reference))?.digest;
  return {
    ...common(layout, clock),
    headManifest: async (repository, reference) => {
      const digest = await digestIn(repository, reference);
      return digest && (await layout.isComplete(digest)) ? digest : undefined;
    },
    getManifest: async (repository, reference) => {
      const digest = isDigest(reference) ? reference : await digestIn(repository, reference);
      return digest && layout.read(digest);
    },
    referrers: () => Promise.resolve(undefined),
    hasBlob: (_, digest) => layout.has(digest),
    offersBlob: (_, digest) => layout.has(digest),
    startUpload: async (_, mount) => {
      if (mount && (await layout.has(mount.digest))) return undefined;
      layout.refuseIfBroken();
      return { location: layout.name };
    },
    upload: async (_repository, _upload, { body, ...blob }) => layout.writeBlob(blob, body),
    putManifest: async (repository, reference, manifest) => {
      const { digest, bytes } = manifest;
      if (!(await layout.has(digest))) await layout.writeBlob({ digest, size: bytes.length }, bytes);
      if (!isDigest(reference)) await layout.addEntry(manifest, `${repository}:${reference}`);
    },
  };
}

/** Whether the index has that image under that tag, or under that digest. */
function isNamed({ name, digest }: LayoutEntry, repository: string, reference: string): boolean {
  if (name === undefined) return false;
  if (!isDigest(reference)) return name === `${repository}:${reference}`;
  return digest === reference && repositoryOf(parseReference(name)) === repository;
}

/** Adds an image without a tag to the index: it was written by its digest, like the images of an index. */
export async function addUntagged(layout: Layout, image: WantedImage): Promise<void> {
  const { repository, tag } = image;
  if (!isDigest(tag) || (await layout.entries()).some((entry) => isNamed(entry, repository, tag))) return;
  const manifest = await layout.read(tag);
  if (manifest) await layout.addEntry(manifest, layoutName(image));
}
