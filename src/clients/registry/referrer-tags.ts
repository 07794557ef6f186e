import type { Digest } from './digest.ts';

/** What `cosign` adds to the tag of an image's digest, for what it stores beside the image. */
const suffixes = ['.sig', '.att', '.sbom'] as const;

/** The tag of the list of referrers, in a registry without the referrers API (distribution specification 1.1). */
export const listTag = (subject: Digest): string => subject.replace(':', '-');

/** The tags of the signatures, the attestations and the SBOM of an image. */
export const artifactTags = (subject: Digest): string[] =>
  suffixes.map((suffix) => `${listTag(subject)}${suffix}`);

/** Whether a tag is one of these, so that what it points to belongs to an image. */
export const isReferrerTag = (tag: string): boolean =>
  /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(tag);
