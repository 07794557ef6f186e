import { BootstrapError } from '../core/errors.ts';
import { probeHost } from '../core/ownership.ts';
import { sha256 } from '../core/sha256.ts';
import { excluding } from './exclude.ts';
import { ecrName, type Naming, sourceOf, workloadReference } from './naming.ts';
import { canonical, isInstalledOperator, operatorImage } from './operator.ts';
import { formatReference, parseIfValid, parseReference, type Reference } from './reference.ts';
import { isOfRegistry } from './registry-alias.ts';

/** A controller or bare pod that uses images. */
export interface ImageUser {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
}

/** One image to have in ECR. */
export interface WantedImage {
  /** Normalized reference of the source: `docker.io/library/nginx:1.27`. */
  readonly source: string;
  /** The image to copy, if no registry has one named {@link WantedImage.source}. See {@link originOf}. */
  readonly copyOf?: string;
  /** Repository in ECR: `myproject/docker.io/library/nginx`. */
  readonly repository: string;
  /** Tag in ECR. It is the digest if the source has no tag, or if another image has the tag. */
  readonly tag: string;
  /** Where the image is requested: `config`, `file`, `operator`, `Deployment shop/web`. */
  readonly wantedBy: readonly string[];
  /** The user requested it for this run, so its host may be this computer. */
  readonly byHand?: true;
}

/** The reference from which the image is copied. */
export const originOf = ({ source, copyOf }: WantedImage): string => copyOf ?? source;

/**
 * Whether the tag in ECR cannot move. Such an image is copied once, for all platforms that its source has. Nodes run it
 * as root.
 */
export const isTagImmutable = ({ source }: WantedImage): boolean => parseReference(source).host === probeHost;

/** The registry from which the image is copied. */
export const sourceHost = (image: WantedImage): string => parseReference(originOf(image)).host;

export interface WantedImages {
  /** The operator's own image. */
  readonly operator: WantedImage;
  /** All others, sorted by source, without duplicates. */
  readonly others: readonly WantedImage[];
  /**
   * Images of workloads that cannot be mirrored, because the reference is invalid or ECR does not accept its
   * name.
   */
  readonly rejected: readonly RejectedImage[];
  /** The same for references that the user gave for this run. `wantedBy` says where each one was given. */
  readonly refused: readonly RejectedImage[];
}

/** An image that cannot be mirrored, and why. */
export interface RejectedImage {
  /** The reference as the user or the workload wrote it. */
  readonly reference: string;
  readonly wantedBy: readonly string[];
  readonly error: BootstrapError;
}

/** A reference that the user gave for this run. */
export interface GivenReference {
  readonly text: string;
  /** For example `file images.txt`. */
  readonly wantedBy: string;
  /** The exact location: `file images.txt, line 3`. */
  readonly where?: string;
}

/** Where images are requested. */
export interface ImageSources {
  readonly naming: Naming;
  /** The account's registry. A reference to it stands for the source of the image. */
  readonly registryHost: string;
  /** The configuration's `images.list`. */
  readonly list: readonly string[];
  /** Globs that exclude images of the list and the cluster; see {@link excluding}. */
  readonly exclude: readonly string[];
  /** Given by the user for this run; never excluded. */
  readonly references?: readonly GivenReference[];
  readonly workloads?: readonly ImageUser[];
  /** The image that the agent on nodes and the probe run a copy of. */
  readonly agent: string;
  /** The pause images of the nodes. Missing if nodes do not pull through a mirror. */
  readonly pause?: readonly ImageUser[] | undefined;
}

/**
 * All images to have in ECR, without duplicates, each with everything that requests it.
 * @throws BootstrapError `reference-invalid` or `repository-name-invalid` for the configuration's list, `config-invalid`
 * when two sources would get the same name. Invalid references of the cluster are in `rejected`, and those that
 * the user gave for this run in `refused`.
 */
export function wantedImages(sources: ImageSources): WantedImages {
  const collector = new ImageCollector(sources);
  collector.add(operatorImage, 'operator');
  for (const text of sources.list) collector.add(text, 'config', { excludable: true });
  for (const reference of sources.references ?? []) collector.addGiven(reference);
  if (sources.pause) collector.addForNodes(sources.pause);
  for (const workload of sources.workloads ?? []) {
    for (const text of workload.images) collector.addFromCluster(text, imageUserName(workload));
  }
  return collector.result();
}

/** The reference with which a workload pulls a wanted image from ECR. */
export const wantedReference = (host: string, image: WantedImage): string =>
  workloadReference(host, image, parseReference(image.source));

/**
 * The registry hosts that the configuration names: those of `images.list` and those on the left of
 * `images.map`.
 */
export function configuredHosts(list: readonly string[], { map }: Pick<Naming, 'map'>): string[] {
  // wantedImages reports invalid references.
  return [...list, ...Object.keys(map)].flatMap((text) => parseIfValid(text)?.host ?? []);
}

/** `Deployment shop/web`, or `Node worker-1`. */
export const imageUserName = ({ kind, namespace, name }: ImageUser) =>
  namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;

interface Entry {
  readonly reference: Reference;
  readonly copyOf?: string;
  readonly wantedBy: Set<string>;
  byHand: boolean;
}

const maxTagLength = 128;

class ImageCollector {
  readonly #sources: ImageSources;
  readonly #isExcluded: (image: Reference | string) => boolean;
  readonly #entries = new Map<string, Entry>();
  /** What requests an image of the cluster, by its text: thousands of pods have the same one. */
  readonly #fromCluster = new Map<string, Set<string>>();
  readonly #rejected = new Rejections();
  readonly #refused = new Rejections();

  constructor(sources: ImageSources) {
    this.#sources = sources;
    this.#isExcluded = excluding(sources.exclude);
  }

  /** Undefined for an image that is not wanted. */
  add(text: string, wantedBy: string, { excludable = false, byHand = false } = {}): Entry | undefined {
    const reference = this.#atSource(canonical(parseReference(text)));
    if (!reference) return undefined;
    if (excludable && this.#isExcluded(reference)) return undefined;
    ecrName(reference, this.#sources.naming);
    const source = formatReference(reference);
    if (reference.host === probeHost && source !== this.#probe()) throw reservedHost(text);
    const entry = this.#entries.get(source) ?? {
      reference,
      ...(reference.host === probeHost && { copyOf: formatReference(this.#agentSource()) }),
      wantedBy: new Set(),
      byHand,
    };
    this.#entries.set(source, entry);
    entry.wantedBy.add(wantedBy);
    if (byHand) entry.byHand = true;
    return entry;
  }

  addForNodes(pause: readonly ImageUser[]): void {
    this.add(this.#probe(), 'nodes');
    for (const user of pause) for (const text of user.images) this.addFromCluster(text, imageUserName(user));
  }

  addGiven({ text, wantedBy, where = wantedBy }: GivenReference): void {
    try {
      this.add(text, wantedBy, { byHand: true });
    } catch (error) {
      this.#refused.add(text, where, error);
    }
  }

  addFromCluster(text: string, wantedBy: string): void {
    const known = this.#fromCluster.get(text);
    if (known) return void known.add(wantedBy);
    try {
      const entry = this.add(text, wantedBy, { excludable: true });
      this.#fromCluster.set(text, entry?.wantedBy ?? new Set());
    } catch (error) {
      if (error instanceof BootstrapError && this.#isExcluded(text)) return;
      this.#rejected.add(text, wantedBy, error);
    }
  }

  result(): WantedImages {
    const all = withDistinctNames([...this.#entries.values()].map((entry) => this.#image(entry)));
    all.sort((a, b) => (a.source < b.source ? -1 : 1));
    const isOperator = (image: WantedImage) => isInstalledOperator(parseReference(image.source));
    const operator = all.find(isOperator);
    if (!operator) throw new Error('the operator image is always wanted');
    return {
      operator,
      others: all.filter((image) => image !== operator),
      rejected: this.#rejected.list(),
      refused: this.#refused.list(),
    };
  }

  /** An image of ECR stands for its source. Images that users pushed to ECR themselves have none. */
  #atSource(reference: Reference): Reference | undefined {
    const { registryHost, naming } = this.#sources;
    return isOfRegistry(reference, registryHost) ? sourceOf(reference, naming) : reference;
  }

  /** Immutable tags cannot be shared, so the tag identifies the source of the copy. */
  #probe(): string {
    const source = this.#agentSource();
    const { tag } = source;
    const id = sha256(formatReference(source)).slice(0, 12);
    return formatReference({
      ...source,
      host: probeHost,
      path: 'probe',
      ...(tag !== undefined && { tag: `${tag.slice(0, maxTagLength - id.length - 1)}-${id}` }),
    });
  }

  #agentSource(): Reference {
    const { agent } = this.#sources;
    const source = this.#atSource(canonical(parseReference(agent)));
    if (!source) throw agentWithoutSource(agent);
    return source;
  }

  #image({ reference, copyOf, wantedBy, byHand }: Entry): WantedImage {
    return {
      source: formatReference(reference),
      ...(copyOf !== undefined && { copyOf }),
      ...ecrName(reference, this.#sources.naming),
      wantedBy: [...wantedBy],
      ...(byHand && { byHand }),
    };
  }
}

/** Images that cannot be mirrored, each once. */
class Rejections {
  readonly #entries = new Map<string, { readonly wantedBy: Set<string>; readonly error: BootstrapError }>();

  /** @throws `error` if it is not about the reference */
  add(reference: string, wantedBy: string, error: unknown): void {
    if (!(error instanceof BootstrapError)) throw error;
    const entry = this.#entries.get(reference) ?? { wantedBy: new Set(), error };
    this.#entries.set(reference, entry);
    entry.wantedBy.add(wantedBy);
  }

  list(): RejectedImage[] {
    return [...this.#entries].map(([reference, { wantedBy, error }]) => ({
      reference,
      wantedBy: [...wantedBy],
      error,
    }));
  }
}

/**
 * Two sources must not share one tag. A source with a digest is stored by its digest instead, which is enough for
 * runtimes. Any other conflict is a mistake in `images.map`.
 */
function withDistinctNames(images: readonly WantedImage[]): WantedImage[] {
  const taken = new Map<string, WantedImage>();
  const pinned = (image: WantedImage) => parseReference(image.source).digest;
  const plainFirst = [...images].sort(
    (a, b) => Number(pinned(a) !== undefined) - Number(pinned(b) !== undefined),
  );
  return plainFirst.map((image) => {
    const name = `${image.repository}:${image.tag}`;
    const other = taken.get(name);
    if (!other) {
      taken.set(name, image);
      return image;
    }
    const digest = pinned(image);
    if (digest !== undefined) return { ...image, tag: digest };
    throw nameConflict(name, image, other);
  });
}

const reservedHost = (text: string): BootstrapError =>
  new BootstrapError({
    code: 'reference-invalid',
    what: `could not use the image ${text}`,
    why: `${probeHost} is reserved for the agent on nodes`,
    hint: 'Use another image.',
  });

const agentWithoutSource = (agent: string): BootstrapError =>
  new BootstrapError({
    code: 'config-invalid',
    what: `could not use ${agent} as the image of the agent`,
    why: 'it names an image of this ECR that has no source',
    hint: 'Set nodes.image to an image of another registry, for example docker.io/library/busybox:1.37.',
  });

function nameConflict(name: string, image: WantedImage, other: WantedImage): BootstrapError {
  return new BootstrapError({
    code: 'config-invalid',
    what: `could not assign the ECR reference ${name}`,
    why: `${other.source} and ${image.source} would both get it`,
    hint: 'Give one of them another name under images.map in ecr-bootstrap.yaml.',
  });
}
