import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { ClusterContext } from '../cluster/context.ts';
import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { oncePerContext } from '../core/once.ts';
import type { NodeImages } from '../images/wanted.ts';

/** kubeadm creates it on every cluster: kubeadm's documentation, "Implementation details". */
const kubeadmConfig = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'kube-system',
  name: 'kubeadm-config',
} as const;

/** Whether nodes shall pull from ECR under public names. */
export const isNodeAccessOn = oncePerContext(
  async ({ config, cluster }: ClusterContext): Promise<boolean> => {
    const { access } = config.nodes;
    if (access !== 'auto') return access === 'on';
    return (await cluster.get(kubeadmConfig)) !== undefined;
  },
);

/**
 * The images that nodes need. Undefined if node access is off, or while the cluster cannot be read: the step
 * `node-access` reports that.
 */
export async function nodeImages(ctx: ClusterContext): Promise<NodeImages | undefined> {
  try {
    if (!(await isNodeAccessOn(ctx))) return undefined;
    return { agent: ctx.config.nodes.image, pause: await ctx.inventory.pauseImages() };
  } catch (error) {
    if (error instanceof BootstrapError && /^(cluster-|tls-untrusted)/.test(error.code)) return undefined;
    throw error;
  }
}

/** Whether the agent runs on the node, by its labels. */
export const isSelected = ({ metadata: { labels = {} } }: KubeObject, { nodes }: Config): boolean =>
  Object.entries(nodes.nodeSelector).every(([key, value]) => labels[key] === value);
