import { BootstrapError } from '../core/errors.ts';

/**
 * The current context as kubectl determines it. Also undefined if a file cannot be read: the connection to the
 * cluster reports the reason.
 */
export async function knownContext(kubeconfig: string | undefined): Promise<string | undefined> {
  const { currentKubeContext } = await import('../clients/kubernetes/kubeconfig.ts');
  try {
    return await currentKubeContext({ kubeconfig });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
