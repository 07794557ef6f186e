import { imageValuesOf, podSpecOf } from '../../cluster/workloads.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { unusable } from './parse.ts';
import { differences } from './release-compare.ts';
import { releaseObjects, releaseVersion as version } from './release.ts';

const idOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;

/**
 * Verifies field by field that these are the objects of External Secrets Operator v0.12.1. The manifest is downloaded at
 * run time, and anything added to it would be applied with administrator permissions.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` with the differences
 */
export function verifyOfficial(objects: readonly KubeObject[], from: string): void {
  const found = versionOf(objects);
  if (found !== undefined && found !== version) {
    throw unusable(from, `it is of version ${found}, and ${version} is required`);
  }
  const released = new Map(releaseObjects().map((object) => [idOf(object), object]));
  const expected = [...released.keys()];
  const present = new Set(objects.map(idOf));
  const missing = expected.filter((name) => !present.has(name));
  if (missing.length === expected.length) {
    throw unusable(from, `none of its ${objects.length} objects belongs to External Secrets Operator`);
  }
  if (missing.length > 0) throw unusable(from, `it does not contain ${some(missing)}`);
  const surplus = [...present].filter((name) => !expected.includes(name));
  if (surplus.length > 0) throw unusable(from, `it contains ${some(surplus)}, which the release does not`);
  if (found === undefined) throw unusable(from, 'the images of its Deployments have no version tag');
  if (objects.length > present.size) throw unusable(from, 'it contains an object twice');
  const mismatches = objects.flatMap((object) => {
    const original = released.get(idOf(object));
    return original === undefined ? [] : differences(original, object);
  });
  if (mismatches.length > 0) throw unusable(from, `${some(mismatches)}, unlike the release`);
}

/** The version in the image tags of the Deployments; all versions when they differ. */
function versionOf(objects: readonly KubeObject[]): string | undefined {
  const images = objects
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap((object) => imageValuesOf(podSpecOf(object) ?? {}));
  const tags = new Set(images.map(String).map((image) => /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? image));
  return tags.size === 0 ? undefined : [...tags].join(' and ');
}

const some = (all: readonly string[]): string =>
  all.length > 3 ? `${all.slice(0, 3).join(', ')} and ${all.length - 3} more` : all.join(', ');
