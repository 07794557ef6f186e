import { BootstrapError } from '../core/errors.ts';

/**
 * The current context as kubectl finds it. Undefined also for a file that cannot be read: what is wrong with it is
 * told by whoever uses the cluster.
 */
export async function knownContext(kubeconfig: string | undefined): Promise<string | undefined> {
  const { currentContext } = await import('../clients/kubernetes/kubeconfig.ts');
  try {
    return await currentContext({ kubeconfig });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
