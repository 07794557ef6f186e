import { excluding } from '../images/exclude.ts';
import { ecrName, workloadReference } from '../images/naming.ts';
import { canonical } from '../images/operator.ts';
import { formatReference, parseIfValid, parseReference, repositoryOf } from '../images/reference.ts';
import { isOfRegistry } from '../images/registry-alias.ts';
import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { oncePerKey } from '../core/once.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { withoutAgent } from '../cluster/nodes.ts';
import { placementOf, type Workload } from '../cluster/workloads.ts';
import type { MirrorContext } from './context.ts';

/** An image that a workload pulls from elsewhere than this ECR registry. */
export interface InternetImage {
  /** `Deployment shop/web`. */
  readonly workload: string;
  readonly image: string;
  /** The reference to use instead; missing when ECR does not accept the image's name. */
  readonly instead?: string;
  /** The host is another name of this ECR registry, for which the pull secret has no credentials. */
  readonly isAlias: boolean;
  /** The workload is a static pod, which has no pull secret. */
  readonly isStatic: boolean;
  /** A node with the workload that has no agent. Other nodes pull the image from ECR. */
  readonly nodeWithoutAgent?: string;
}

/**
 * All of them, by workload, except those that `images.exclude` matches and those that all nodes of the workload pull
 * through a mirror.
 */
export async function internetImages(ctx: MirrorContext): Promise<InternetImage[]> {
  const [host, workloads, mirrors] = await Promise.all([
    ctx.registryHost(),
    ctx.inventory.workloads(),
    readMirrors(ctx),
  ]);
  const isExcluded = excluding(ctx.config.images.exclude);
  // Thousands of pods have the same images.
  const isWanted = oncePerKey((image) => {
    if (image.startsWith(`${host}/`)) return false;
    const reference = parseIfValid(image);
    return isInRegistry(image, host) || !isExcluded(reference ? canonical(reference) : image);
  });
  return workloads.flatMap((workload) => {
    const node = mirrors.withoutAgent(workload);
    return workload.images
      .filter((image) => isWanted(image))
      .flatMap((image) => {
        if (!mirrors.isMirrored(image)) return [internetImage(workload, image, host, ctx)];
        if (node === undefined) return [];
        return [{ ...internetImage(workload, image, host, ctx), nodeWithoutAgent: node }];
      });
  });
}

interface Mirrors {
  /** See {@link mirroring}. */
  readonly isMirrored: (image: string) => boolean;
  readonly withoutAgent: ReturnType<typeof withoutAgent>;
}

async function readMirrors(
  { inventory, config }: MirrorContext,
  mirrored?: readonly string[],
): Promise<Mirrors> {
  const hosts = mirrored ?? (await inventory.mirroredHosts());
  return {
    isMirrored: oncePerKey(mirroring(hosts, config)),
    withoutAgent: withoutAgent(hosts.length > 0 ? await inventory.nodes() : [], config.nodes.nodeSelector),
  };
}

/**
 * Creates the predicate for images that the node of a pod pulls from ECR under their own name.
 * @param mirrored the registries that nodes pull from ECR, by default the present ones
 */
export async function mirroringForPods(
  ctx: MirrorContext,
  mirrored?: readonly string[],
): Promise<(image: string, pod: KubeObject) => boolean> {
  const mirrors = await readMirrors(ctx, mirrored);
  return (image, pod) => mirrors.isMirrored(image) && mirrors.withoutAgent(placementOf(pod)) === undefined;
}

/**
 * Creates the predicate for images that nodes pull from ECR under their own name: of a mirrored host, and without
 * another name in `images.map`.
 */
export function mirroring(
  hosts: readonly string[],
  { project, images: { map } }: Pick<Config, 'project' | 'images'>,
): (image: string) => boolean {
  return (image) =>
    unlessInvalid(() => {
      const reference = parseReference(image);
      const isNamedAlike = (): boolean =>
        ecrName(reference, { project, map }).repository === `${project}/${repositoryOf(reference)}`;
      return hosts.includes(reference.host) && isTyped(image, reference.host) && isNamedAlike();
    }) ?? false;
}

/** Whether containerd looks for the host in its folder. It normalizes no name but those of Docker Hub's images. */
function isTyped(image: string, host: string): boolean {
  const [first = ''] = image.split('/');
  if (first === host) return true;
  return host === 'docker.io' && (!/[.:A-Z]/.test(first) || first === 'index.docker.io' || first === image);
}

/** How many workloads still pull from the internet. */
export async function pullsFromInternet(ctx: MirrorContext): Promise<string[]> {
  // The images of static pods must already be on the node.
  const found = (await internetImages(ctx)).filter(({ isStatic }) => !isStatic);
  if (found.length === 0) return [];
  const images = new Set(found.map((entry) => entry.image)).size;
  const workloads = new Set(found.map((entry) => entry.workload)).size;
  const pull = workloads === 1 ? '1 workload still pulls' : `${workloads} workloads still pull`;
  return [`${pull} ${images} ${images === 1 ? 'image' : 'images'} from the internet: ecr-bootstrap images`];
}

function internetImage(
  workload: Workload,
  image: string,
  host: string,
  { config }: MirrorContext,
): InternetImage {
  const { kind, namespace, name, isStatic } = workload;
  const naming = { project: config.project, map: config.images.map };
  const isAlias = isInRegistry(image, host);
  const instead = unlessInvalid(() => {
    const source = parseReference(image);
    return isAlias
      ? formatReference({ ...source, host })
      : workloadReference(host, ecrName(source, naming), source);
  });
  const found = { workload: `${kind} ${namespace}/${name}`, image, isAlias, isStatic };
  return instead === undefined ? found : { ...found, instead };
}

const isInRegistry = (image: string, host: string): boolean => {
  const reference = parseIfValid(image);
  return reference !== undefined && isOfRegistry(reference, host);
};

/** A workload may contain anything. @returns undefined for an invalid reference, or for a name that ECR does not accept */
function unlessInvalid<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}
