import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { excluding } from '../images/exclude.ts';
import { type EcrName, ecrName, mappedName, type Naming, workloadReference } from '../images/naming.ts';
import { canonical } from '../images/operator.ts';
import { formatReference, parseIfValid, type Reference, repositoryOf } from '../images/reference.ts';
import { isOfRegistry } from '../images/registry-alias.ts';
import { probeHost } from '../core/ownership.ts';
import type { ImageUser } from '../images/wanted.ts';
import type { ImagePresence } from '../mirror/images.ts';

/** A registry whose images are used, and whether nodes can pull all of them from ECR. */
export interface UpstreamHost {
  readonly host: string;
  /** Nodes already pull from it through the mirror, and continue to do so. */
  readonly isMirrored: boolean;
  /** Images that ECR does not have yet, and that the step `images` copies. */
  readonly pending: readonly MissingImage[];
  /** Images that ECR will not have under the name that nodes ask for. */
  readonly missing: readonly MissingImage[];
}

export interface MissingImage {
  readonly image: string;
  readonly why: string;
  readonly hint: string;
}

/** Which images are used, and what ECR has of them. */
export interface UsedImages {
  readonly registryHost: string;
  readonly users: readonly Pick<ImageUser, 'images'>[];
  readonly presence: readonly ImagePresence[];
  /** The hosts that nodes pull from ECR now. */
  readonly mirrored: readonly string[];
}

/**
 * The registries of the used and listed images, by name. Nodes look up `HOST/PATH:TAG` as `PROJECT/HOST/PATH:TAG`,
 * so an image that `images.map` or `images.exclude` keeps from that name counts as missing. Registries with a port
 * are left out, because their name in ECR differs.
 */
export function upstreamHosts(used: UsedImages, config: Config): readonly UpstreamHost[] {
  const { hosts: chosen } = config.nodes;
  const find = imageFinder(used, config);
  const found = new Map<string, Found[]>(
    (chosen === 'auto' ? used.mirrored : chosen).map((host) => [host, []] as const),
  );
  for (const reference of references([
    ...used.users.flatMap(({ images }) => images),
    ...config.images.list,
  ])) {
    const { host } = reference;
    if (!isUpstream(host) || isOfRegistry(reference, used.registryHost)) continue;
    if (chosen !== 'auto' && !chosen.includes(host)) continue;
    found.set(host, [...(found.get(host) ?? []), find(reference)]);
  }
  for (const host of found.keys()) {
    if (host === probeHost || isOfRegistry({ host }, used.registryHost)) found.delete(host);
  }
  const inState = (images: readonly Found[], wanted: Found['state']) =>
    images.filter(({ state }) => state === wanted).map(({ state: _, ...image }) => image);
  return [...found]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([host, images]) => ({
      host,
      isMirrored: used.mirrored.includes(host),
      pending: inState(images, 'pending'),
      missing: inState(images, 'missing'),
    }));
}

/** A name without a port. `localhost` stands for images that were loaded onto a node. */
export const isUpstream = (host: string): boolean => host.includes('.') && !host.includes(':');

/** The hosts that nodes pull from ECR once the pending images are copied. */
export const plannedHosts = (hosts: readonly UpstreamHost[]): readonly string[] =>
  hosts.filter(({ isMirrored, missing }) => isMirrored || missing.length === 0).map(({ host }) => host);

/** The hosts that nodes can pull from ECR now. */
export const completeHosts = (hosts: readonly UpstreamHost[]): readonly string[] =>
  hosts
    .filter(({ isMirrored, pending, missing }) => isMirrored || pending.length + missing.length === 0)
    .map(({ host }) => host);

interface Found extends MissingImage {
  readonly state: 'present' | 'pending' | 'missing';
}

/** Returns a function that finds what ECR has of an image, under the name that nodes ask for. */
function imageFinder(
  { presence, registryHost }: UsedImages,
  { project, images }: Config,
): (image: Reference) => Found {
  const isExcluded = excluding(images.exclude);
  const bySource = new Map(presence.map((one) => [one.image.source, one]));
  return (reference) => {
    const image = formatReference(reference);
    const missing = (why: string, hint: string): Found => ({ state: 'missing', image, why, hint });
    const wanted = `${project}/${repositoryOf(reference)}`;
    const name = nameInEcr(reference, { project, map: images.map });
    if (name instanceof BootstrapError) return missing(name.why, name.hint);
    if (name.repository !== wanted) {
      // The operator's image has a name of its own, also where others installed the operator.
      const isMapped = mappedName(reference, images.map) !== undefined;
      const use = isMapped ? 'Remove it from images.map, or use' : 'Use';
      return missing(
        `it is in ECR as ${name.repository}, and nodes ask for ${wanted}`,
        `${use} its name in ECR in the workloads: ${workloadReference(registryHost, name, reference)}`,
      );
    }
    const found = bySource.get(image);
    if (found?.error) return missing(found.error.why, found.error.hint);
    if (found?.digest !== undefined) return { state: 'present', image, why: '', hint: '' };
    if (isExcluded(reference)) {
      return missing('images.exclude keeps it out of ECR', 'Remove it from images.exclude.');
    }
    return {
      state: 'pending',
      image,
      why: 'it is not in ECR',
      hint: `Copy it: ecr-bootstrap mirror ${image}`,
    };
  };
}

function nameInEcr(reference: Reference, naming: Naming): EcrName | BootstrapError {
  try {
    return ecrName(reference, naming);
  } catch (error) {
    if (error instanceof BootstrapError) return error;
    throw error;
  }
}

/** The valid references, each once. Workloads may contain any text. */
function references(texts: readonly string[]): readonly Reference[] {
  const found = new Map<string, Reference>();
  for (const parsed of texts.map(parseIfValid)) {
    const reference = parsed && canonical(parsed);
    if (reference) found.set(formatReference(reference), reference);
  }
  return [...found.values()];
}
