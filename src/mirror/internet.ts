import { excluding } from '../images/exclude.ts';
import { ecrName, workloadReference } from '../images/naming.ts';
import { canonical } from '../images/operator.ts';
import { formatReference, parseReference } from '../images/reference.ts';
import { isOfRegistry } from '../images/registry-alias.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Workload } from '../cluster/workloads.ts';
import type { MirrorContext } from './context.ts';

/** A workload that names an image outside this ECR. */
export interface InternetImage {
  /** `Deployment shop/web`. */
  readonly workload: string;
  readonly image: string;
  /** The reference to name instead; missing when the image's name cannot be one in ECR. */
  readonly instead?: string;
  /** Names this ECR, by a host for which the pull secret holds no login. */
  readonly isAlias: boolean;
  /** Runs from a file on a node, where no pull secret reaches. */
  readonly isStatic: boolean;
}

/** All of them, by workload; not those that the configuration leaves out. */
export async function internetImages(ctx: MirrorContext): Promise<InternetImage[]> {
  const [host, workloads] = await Promise.all([ctx.registryHost(), ctx.inventory.workloads()]);
  const isExcluded = excluding(ctx.config.images.exclude);
  return workloads.flatMap((workload) =>
    workload.images
      .filter((image) => !image.startsWith(`${host}/`))
      .filter(
        (image) =>
          isInRegistry(image, host) || !isExcluded(attempt(() => canonical(parseReference(image))) ?? image),
      )
      .map((image) => describe(workload, image, host, ctx)),
  );
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

function describe(workload: Workload, image: string, host: string, { config }: MirrorContext): InternetImage {
  const { kind, namespace, name, isStatic } = workload;
  const naming = { project: config.project, map: config.images.map };
  const isAlias = isInRegistry(image, host);
  const instead = attempt(() => {
    const source = parseReference(image);
    return isAlias
      ? formatReference({ ...source, host })
      : workloadReference(host, ecrName(source, naming), source);
  });
  const found = { workload: `${kind} ${namespace}/${name}`, image, isAlias, isStatic };
  return instead === undefined ? found : { ...found, instead };
}

const isInRegistry = (image: string, host: string): boolean => {
  const reference = attempt(() => parseReference(image));
  return reference !== undefined && isOfRegistry(reference, host);
};

/** Whatever somebody wrote into a workload: undefined when it is no reference, or one that ECR cannot name. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}
