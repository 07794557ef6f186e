import { BootstrapError } from '../core/errors.ts';

/**
 * The current context as kubectl finds it. Undefined also for a file that cannot be read: the connection to the cluster
 * reports the reason.
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
