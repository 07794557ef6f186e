import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { existing, observeManaged, observeObjects, type ObjectsState } from '../../cluster/objects.ts';
import { oncePerContext } from '../../core/once.ts';
import { operatorNamespace } from '../../core/ownership.ts';
import type { WantedImage } from '../../images/wanted.ts';
import type { MirrorContext } from '../context.ts';
import { besideExisting, heldRepositories, imageLists, isImageList, withCopied } from './lists.ts';
import { warningPolicyKind, warningPolicyObjects, warningPolicyRefs } from './policy.ts';

export interface WarningsState extends ObjectsState {
  /** Whether the cluster serves ValidatingAdmissionPolicy. */
  readonly isServed: boolean;
  /** Hosts whose references do not fit into a list. */
  readonly unlisted: readonly string[];
}

const configMap = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

/** The ConfigMaps beside the operator. The lists are among them. */
export const listConfigMaps = ({ cluster }: MirrorContext): Promise<readonly KubeObject[]> =>
  cluster.list(configMap, { namespace: operatorNamespace });

const existingConfigMaps = oncePerContext(listConfigMaps);

const policyState = oncePerContext(async ({ cluster, config }: MirrorContext) =>
  observeObjects(cluster, await warningPolicyObjects(config)),
);

/** @param copied images that will be in ECR */
export async function observeWarnings(
  ctx: MirrorContext,
  copied: readonly WantedImage[] = [],
): Promise<WarningsState> {
  const isServed = await ctx.cluster.serves(warningPolicyKind);
  if (!isServed || ctx.config.images.warnings === 'off') {
    return { isServed, unlisted: [], wanted: [], unwanted: await leftovers(ctx) };
  }
  const [{ objects, unlisted }, found, policy] = await Promise.all([
    wantedLists(ctx, copied),
    existingConfigMaps(ctx),
    policyState(ctx),
  ]);
  const byName = new Map(found.map((object) => [object.metadata.name, object]));
  const names = new Set(objects.map(({ metadata: { name } }) => name));
  return {
    isServed,
    unlisted,
    wanted: [...besideExisting(objects, byName), ...policy.wanted],
    unwanted: found.filter((object) => isImageList(object) && !names.has(object.metadata.name)),
  };
}

async function wantedLists(ctx: MirrorContext, copied: readonly WantedImage[]) {
  const [held, host] = await Promise.all([heldRepositories(ctx), ctx.registryHost()]);
  return imageLists(withCopied(held, copied), host, ctx.config);
}

/** Everything of earlier runs, whatever is configured. */
export async function observeWarningsForRemoval(ctx: MirrorContext): Promise<WarningsState> {
  const objects = await leftovers(ctx);
  return { isServed: true, unlisted: [], wanted: [], unwanted: objects.toReversed() };
}

/** In the order of their deletion: without its binding, the policy has no effect. */
async function leftovers(ctx: MirrorContext): Promise<readonly KubeObject[]> {
  const [policy, found] = await Promise.all([
    observeManaged(ctx.cluster, warningPolicyRefs),
    listConfigMaps(ctx),
  ]);
  return [...existing(policy), ...found.filter(isImageList)];
}
