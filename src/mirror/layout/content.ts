import type { Digest } from '../../clients/registry/digest.ts';
import { parseManifest } from '../../clients/registry/manifest.ts';
import { isReferrerTag } from '../../clients/registry/referrer-tags.ts';
import { BootstrapError } from '../../core/errors.ts';
import { parseReference } from '../../images/reference.ts';
import { isOperatorYaml, type Layout, type LayoutEntry } from './layout.ts';

/** An entry for what belongs to an image, for example its signature. */
export interface ReferrerEntry extends LayoutEntry {
  /** What it refers to. Missing if its tag says that. */
  readonly subject?: Digest;
}

export interface LayoutContent {
  readonly images: readonly LayoutEntry[];
  readonly referrers: readonly ReferrerEntry[];
}

/** The images of a layout, and what belongs to them. @throws BootstrapError `layout-invalid` */
export async function contentOf(layout: Layout): Promise<LayoutContent> {
  const images: LayoutEntry[] = [];
  const referrers: ReferrerEntry[] = [];
  for (const entry of await layout.entries()) {
    const tag = entry.name === undefined ? entry.tag : parseReference(entry.name).tag;
    const subject = (entry.name ?? entry.tag) ? undefined : await subjectOf(entry, layout);
    if (subject !== undefined) referrers.push({ ...entry, subject });
    else if (tag !== undefined && isReferrerTag(tag)) referrers.push(entry);
    else if (!isOperatorYaml(entry)) images.push(entry);
  }
  return { images, referrers };
}

/** ORAS lists referrers without a name. Content that is missing or wrong fails when it is copied. */
async function subjectOf({ digest, mediaType }: LayoutEntry, layout: Layout): Promise<Digest | undefined> {
  try {
    const raw = await layout.read(digest, mediaType);
    return raw && parseManifest(raw.bytes, raw.mediaType, '').subject;
  } catch (error) {
    if (error instanceof BootstrapError && error.code.startsWith('image-')) return undefined;
    throw error;
  }
}
