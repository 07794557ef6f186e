import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { unusable } from './parse.ts';
import { differences } from './release-compare.ts';
import { releaseObjects, releaseVersion as version } from './release.ts';

const idOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;

/**
 * Checks that these are the objects of External Secrets Operator v0.12.1, field by field: the YAML is fetched when the
 * program runs, and what it holds beyond the release would be applied with the rights of an administrator.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` that says what was found instead
 */
export function verifyOfficial(objects: readonly KubeObject[], from: string): void {
  const found = versionOf(objects);
  if (found !== undefined && found !== version) {
    throw unusable(from, `it is that of ${found}, and ${version} is needed`);
  }
  const released = new Map(releaseObjects().map((object) => [idOf(object), object]));
  const expected = [...released.keys()];
  const present = new Set(objects.map(idOf));
  const missing = expected.filter((name) => !present.has(name));
  if (missing.length === expected.length) {
    throw unusable(from, `none of its ${objects.length} objects belongs to External Secrets Operator`);
  }
  if (missing.length > 0) throw unusable(from, `it lacks ${some(missing)}`);
  const surplus = [...present].filter((name) => !expected.includes(name));
  if (surplus.length > 0) throw unusable(from, `it holds ${some(surplus)}, which the release does not`);
  if (found === undefined) throw unusable(from, 'its Deployments name no version');
  if (objects.length > present.size) throw unusable(from, 'it holds an object twice');
  const unlike = objects.flatMap((object) => {
    const original = released.get(idOf(object));
    return original === undefined ? [] : differences(original, object);
  });
  if (unlike.length > 0) throw unusable(from, `${some(unlike)}, unlike the release`);
}

/** The version in the tags of the Deployments' images, or all versions that there are. */
function versionOf(objects: readonly KubeObject[]): string | undefined {
  const images = objects.filter(({ kind }) => kind === 'Deployment').flatMap(imagesOf);
  const tags = new Set(images.map((image) => /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? image));
  return tags.size === 0 ? undefined : [...tags].join(' and ');
}

function imagesOf(deployment: KubeObject): string[] {
  const { spec } = deployment as {
    spec?: {
      template?: { spec?: { containers?: readonly ({ image?: unknown } | null)[] | null } | null } | null;
    } | null;
  };
  const containers = spec?.template?.spec?.containers;
  return Array.isArray(containers)
    ? containers.map((container: { image?: unknown } | null) => String(container?.image))
    : [];
}

const some = (all: readonly string[]): string =>
  all.length > 3 ? `${all.slice(0, 3).join(', ')} and ${all.length - 3} more` : all.join(', ');
