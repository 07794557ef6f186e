import { KubeConfig } from '@kubernetes/client-node';
import type { KubeCluster, KubeUser } from './kubeconfig.ts';

/** The headers with the bearer token of an `oidc` auth provider, refreshed when it has expired. */
export async function authenticateByOidc(
  { name, authProvider }: Pick<KubeUser, 'name' | 'authProvider'>,
  { name: clusterName, server, skipTLSVerify }: KubeCluster,
): Promise<{ readonly headers: Readonly<Record<string, string>> }> {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: clusterName, server, skipTLSVerify }, { name, authProvider });
  const options: { headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  return options;
}
