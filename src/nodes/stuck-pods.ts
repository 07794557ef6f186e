import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { PodFailure } from '../cluster/pod-failure.ts';

/** What a pod is older than, and therefore does not use. */
export type MissedAccess =
  /** Its service account lists the pull secret, and the pod was created before. */
  | 'service-account'
  /** The pull secret is newer than the pod. */
  | 'pull-secret'
  /** The kubelet tried the registry itself, before the node pulled from ECR. */
  | 'node-access';

/** What is known about the access of a pod. */
export interface PodAccess {
  readonly registryHost: string;
  /** The name of the managed pull secret. */
  readonly pullSecret: string;
  /** Whether the node of the pod pulls the image from ECR under its own name. */
  readonly isMirrored: boolean;
  /** The pull secrets that the service account of the pod lists. */
  readonly accountSecrets: readonly string[];
  /** When the pull secret in its namespace was created, as the API server writes it. */
  readonly secretCreated: string | undefined;
}

/**
 * What a pod missed that cannot pull: it would pull if it was created again. A list of pull secrets that is not from the
 * service account is a decision of the user.
 */
export function missedAccess(
  pod: KubeObject,
  { image = '', cause, why }: PodFailure,
  { registryHost, pullSecret, isMirrored, accountSecrets, secretCreated = '' }: PodAccess,
): MissedAccess | undefined {
  if (isMirrored) {
    const isOfUpstream = /^(dns|route|tls)$/.test(cause) && !why.includes(registryHost);
    return isOfUpstream ? 'node-access' : undefined;
  }
  if (cause !== 'credentials' || !image.startsWith(`${registryHost}/`)) return undefined;
  const listed = podPullSecrets(pod);
  if (!listed.includes(pullSecret)) {
    return listed.every((name) => accountSecrets.includes(name)) ? 'service-account' : undefined;
  }
  const { creationTimestamp = '' } = pod.metadata;
  return Date.parse(secretCreated) > Date.parse(creationTimestamp) ? 'pull-secret' : undefined;
}

/** The pull secrets with which a pod was created. */
export function podPullSecrets({ spec }: KubeObject): readonly string[] {
  const { imagePullSecrets = [] } = (spec ?? {}) as {
    readonly imagePullSecrets?: readonly { readonly name?: string }[];
  };
  return imagePullSecrets.flatMap(({ name }) => name ?? []);
}
