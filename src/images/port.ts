import type { BootstrapError } from '../core/errors.ts';

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
