import { LoginRefused } from '../clients/kubernetes/errors.ts';
import { BootstrapError } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import {
  type GivenReference,
  type ImageUser,
  type WantedImage,
  type WantedImages,
  wantedImages,
} from '../images/wanted.ts';
import { pauseImages } from '../nodes/access.ts';
import type { ImageSource } from '../cluster/images.ts';
import type { Context } from '../steps/context.ts';

export interface CollectOptions {
  /** From the command line or a file. */
  readonly references: readonly GivenReference[];
  /** Also include the configuration's `images.list`. */
  readonly list: boolean;
  /** Also include the images of the cluster's workloads. */
  readonly fromCluster: boolean;
  /** Also include the images of these manifests. */
  readonly manifests?: readonly ImageUser[];
}

/** The desired images from all selected sources. */
export async function collectImages(ctx: Context, from: CollectOptions): Promise<WantedImages> {
  const { project, images, nodes } = ctx.config;
  const [registryHost, workloads, pause] = await Promise.all([
    ctx.registryHost(),
    from.fromCluster ? ctx.inventory.imageSources() : [],
    from.fromCluster ? pauseImages(ctx) : undefined,
  ]);
  return wantedImages({
    naming: { project, map: images.map },
    registryHost,
    list: from.list ? images.list : [],
    exclude: images.exclude,
    references: from.references,
    workloads: [...(from.manifests ?? []), ...workloads],
    agent: nodes.image,
    pause,
  });
}

/** Images that the user requested, without the operator's, which is always in {@link WantedImages}, unless it is one. */
export const requestedImages = ({ operator, others }: WantedImages): readonly WantedImage[] =>
  operator.wantedBy.length > 1 ? [operator, ...others] : others;

/** Everything in the cluster that names images. Empty if there is no cluster or it is unreachable. */
export async function sourcesIfReachable(ctx: Context): Promise<readonly ImageSource[]> {
  try {
    return await ctx.inventory.imageSources();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // A cluster that is reachable has workloads. Without their images, a run would only seem complete.
    if (error.code === 'cluster-unreachable' && (await answers(ctx))) throw error;
    return [];
  }
}

const unreachableCodes: readonly ErrorCode[] = [
  'cluster-unconfigured',
  'cluster-unreachable',
  'tls-untrusted',
];

/** Whether no server responded. A rejection or a server error is a response. */
export const isUnreachable = (error: unknown): error is BootstrapError =>
  error instanceof BootstrapError &&
  unreachableCodes.includes(error.code) &&
  !(error instanceof LoginRefused);

const answers = ({ cluster }: Context): Promise<boolean> =>
  cluster.info().then(
    () => true,
    () => false,
  );
