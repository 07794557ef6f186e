import type { ClusterContext } from '../cluster/context.ts';
import { kubeadmConfig } from '../cluster/images.ts';
import { BootstrapError } from '../core/errors.ts';
import { oncePerContext } from '../core/once.ts';
import type { ImageUser } from '../images/wanted.ts';

/** Whether nodes shall pull from ECR under public names. */
export const isNodeAccessOn = oncePerContext(
  async ({ config, cluster }: ClusterContext): Promise<boolean> => {
    const { access } = config.nodes;
    if (access !== 'auto') return access === 'on';
    return (await cluster.get(kubeadmConfig)) !== undefined;
  },
);

/**
 * The pause images of the nodes. Undefined if node access is off, or while the cluster cannot be read: the step
 * `node-access` reports that.
 */
export async function pauseImages(ctx: ClusterContext): Promise<readonly ImageUser[] | undefined> {
  try {
    return (await isNodeAccessOn(ctx)) ? await ctx.inventory.pauseImages() : undefined;
  } catch (error) {
    if (error instanceof BootstrapError && /^(cluster-|tls-untrusted)/.test(error.code)) return undefined;
    throw error;
  }
}
