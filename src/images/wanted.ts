import { BootstrapError } from '../core/errors.ts';
import { excluding } from './exclude.ts';
import { ecrName, type Naming, sourceOf, workloadReference } from './naming.ts';
import { canonical, isInstalledOperator, operatorImage } from './operator.ts';
import { formatReference, parseReference, type Reference } from './reference.ts';
import { isOfRegistry } from './registry-alias.ts';

/** What names images in the cluster: a controller or bare pod. */
export interface ImageUser {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
}

/** One image that has to be in the ECR. */
export interface WantedImage {
  /** Normalised source reference: `docker.io/library/nginx:1.27`. */
  readonly source: string;
  /** Repository in the ECR: `myproject/docker.io/library/nginx`. */
  readonly repository: string;
  /** Tag in the ECR; for a source given by digest only, or whose tag another one gets, the digest. */
  readonly tag: string;
  /** Where it was asked for: `config`, `file`, `operator`, `Deployment shop/web`. */
  readonly wantedBy: readonly string[];
  /** The user named it for this run, so its host may be one on this computer. */
  readonly byHand?: true;
}

export interface WantedImages {
  /** The operator's own image. */
  readonly operator: WantedImage;
  /** All others, sorted by source, without doubles. */
  readonly others: readonly WantedImage[];
  /** What the cluster names and this program cannot mirror: no reference, or no name that ECR takes. */
  readonly rejected: readonly RejectedImage[];
  /** The same among the references that were given by hand; `wantedBy` says where each stands. */
  readonly refused: readonly RejectedImage[];
}

/** An image that is left out, and why. */
export interface RejectedImage {
  /** As it was written. */
  readonly reference: string;
  readonly wantedBy: readonly string[];
  readonly error: BootstrapError;
}

/** A reference that somebody wrote for this run. */
export interface GivenReference {
  readonly text: string;
  /** For example `file images.txt`. */
  readonly wantedBy: string;
  /** Where exactly it stands: `file images.txt, line 3`. */
  readonly where?: string;
}

/** Where images are asked for. */
export interface ImageSources {
  readonly naming: Naming;
  /** The account's registry: references to it stand for the sources of what they name. */
  readonly registryHost: string;
  /** The configuration's `images.list`. */
  readonly list: readonly string[];
  /** Globs that leave out what the list and the cluster ask for, as full references or as Docker's users write them. */
  readonly exclude: readonly string[];
  /** Given by hand; never left out. */
  readonly references?: readonly GivenReference[];
  readonly workloads?: readonly ImageUser[];
}

/**
 * All images that have to be in the ECR, each once, with everybody who asked for it.
 * @throws BootstrapError `reference-invalid` or `repository-name-invalid` for the configuration's list, `config-invalid`
 * when two sources would get the same name. What is wrong in the cluster is in `rejected`, what is wrong in the
 * references given by hand in `refused`.
 */
export function wantedImages(wishes: ImageSources): WantedImages {
  const gathering = new ImageCollector(wishes);
  gathering.add(operatorImage, 'operator');
  for (const text of wishes.list) gathering.add(text, 'config', { excludable: true });
  for (const reference of wishes.references ?? []) gathering.addGiven(reference);
  for (const workload of wishes.workloads ?? []) {
    for (const text of workload.images) gathering.addFromCluster(text, nameOf(workload));
  }
  return gathering.result();
}

/** What a workload names to get a wanted image from ECR. */
export const wantedReference = (host: string, image: WantedImage): string =>
  workloadReference(host, image, parseReference(image.source));

/** The registry hosts that the configuration names: those of `images.list` and those on the left of `images.map`. */
export function configuredHosts(list: readonly string[], { map }: Pick<Naming, 'map'>): string[] {
  return [...list, ...Object.keys(map)].flatMap((text) => {
    try {
      return [parseReference(text).host];
    } catch (error) {
      // It is reported where the images are gathered.
      if (error instanceof BootstrapError) return [];
      throw error;
    }
  });
}

const nameOf = ({ kind, namespace, name }: ImageUser) => `${kind} ${namespace}/${name}`;

interface Entry {
  readonly reference: Reference;
  readonly wantedBy: Set<string>;
  byHand: boolean;
}

class ImageCollector {
  readonly #sources: ImageSources;
  readonly #isExcluded: (image: Reference | string) => boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #rejected = new Rejections();
  readonly #refused = new Rejections();

  constructor(wishes: ImageSources) {
    this.#sources = wishes;
    this.#isExcluded = excluding(wishes.exclude);
  }

  add(text: string, wantedBy: string, { excludable = false, byHand = false } = {}): void {
    const reference = this.#atSource(canonical(parseReference(text)));
    if (!reference) return;
    if (excludable && this.#isExcluded(reference)) return;
    ecrName(reference, this.#sources.naming);
    const source = formatReference(reference);
    const entry = this.#entries.get(source) ?? { reference, wantedBy: new Set(), byHand };
    this.#entries.set(source, entry);
    entry.wantedBy.add(wantedBy);
    if (byHand) entry.byHand = true;
  }

  addGiven({ text, wantedBy, where = wantedBy }: GivenReference): void {
    try {
      this.add(text, wantedBy, { byHand: true });
    } catch (error) {
      this.#refused.add(text, where, error);
    }
  }

  addFromCluster(text: string, wantedBy: string): void {
    try {
      this.add(text, wantedBy, { excludable: true });
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
    if (!operator) throw new Error('the operator is always wanted');
    return {
      operator,
      others: all.filter((image) => image !== operator),
      rejected: this.#rejected.list(),
      refused: this.#refused.list(),
    };
  }

  /** What is named as the ECR has it is wanted there too; what somebody pushed there himself is his own. */
  #atSource(reference: Reference): Reference | undefined {
    const { registryHost, naming } = this.#sources;
    return isOfRegistry(reference, registryHost) ? sourceOf(reference, naming) : reference;
  }

  #image({ reference, wantedBy, byHand }: Entry): WantedImage {
    return {
      source: formatReference(reference),
      ...ecrName(reference, this.#sources.naming),
      wantedBy: [...wantedBy],
      ...(byHand && { byHand }),
    };
  }
}

/** What is no image that can be had in the ECR, each once. */
class Rejections {
  readonly #entries = new Map<string, { readonly wantedBy: Set<string>; readonly error: BootstrapError }>();

  /** @throws the error itself when it is none of the reference's own */
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
 * Two sources must not fight over one tag. One that is pinned gives way and is stored by its digest, which is all
 * that a runtime looks at; a clash of anything else is a mistake in `images.map`.
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
    throw clash(name, image, other);
  });
}

function clash(name: string, image: WantedImage, other: WantedImage): BootstrapError {
  return new BootstrapError({
    code: 'config-invalid',
    what: `ECR reference ${name}`,
    why: `${other.source} and ${image.source} would both get this name`,
    hint: 'Give one of them another name under images.map in ecr-bootstrap.yaml.',
  });
}
