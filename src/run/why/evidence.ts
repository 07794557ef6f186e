import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { PodFailure } from '../../cluster/pod-failure.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Finding } from '../../core/findings.ts';
import { tokenExpiry } from '../../external-secrets/tokens.ts';
import type { Route, StoredImage } from '../../mirror/pulled-images.ts';
import type { NodeAccess } from '../../nodes/agents.ts';
import type { UpstreamHost } from '../../nodes/hosts.ts';

/** What was read, or why it could not be read. */
export type Read<T> = T | BootstrapError;

/** Undefined also if it could not be read. */
export const known = <T>(read: Read<T>): T | undefined => (read instanceof BootstrapError ? undefined : read);

/** Everything that is known about one object or image. The causes and the chain depend on nothing else. */
export interface Evidence {
  /** `Pod shop/web-1`, `CronJob shop/report`, or an image. */
  readonly subject: string;
  /** The workloads that name the image: `Deployment shop/web`. */
  readonly users: readonly string[];
  /** The pod that was examined: of several, one that fails. */
  readonly pod?: PodEvidence;
  /** Why a controller could not create a pod. */
  readonly refusal?: string;
  readonly image?: ImageEvidence;
  readonly node?: NodeEvidence;
  /** How the node is given access to ECR by a pull secret. Missing if none is used. */
  readonly access?: AccessEvidence;
  /** Why the pull secret, or the token on nodes, is not renewed or copied: the deepest reason first. */
  readonly supply: readonly SupplyFinding[];
  readonly region: string;
  readonly project: string;
  /** The host of ECR, if it is known. */
  readonly registryHost?: string;
}

export interface PodEvidence {
  readonly object: KubeObject;
  /** `kind` and `name` of its controller. */
  readonly workload?: { readonly kind: string; readonly name: string };
  readonly isStatic: boolean;
  readonly isRunning: boolean;
  readonly failure?: PodFailure;
  /** What its containers wait for, as the kubelet reports it. */
  readonly wait?: string;
  /** The newest warning about it. */
  readonly warning?: string;
}

export type Upstream = Read<UpstreamHost | 'unlisted' | 'unsupported'>;

export interface ImageEvidence {
  /** As the workload writes it. */
  readonly name: string;
  /** The container that uses it. */
  readonly container?: string;
  /** Why the name is not valid. */
  readonly invalid?: string;
  readonly route: Read<Route>;
  readonly host?: string;
  /** The normalized name at its source, for `mirror`. */
  readonly source?: string;
  readonly isExcluded: boolean;
  /** Why its source does not have it, if ECR does not have it either. Undefined also if the source does not answer. */
  readonly unavailable?: BootstrapError;
  /**
   * Its registry, of an image that nodes pull from the internet although nodes.access is on. `unlisted`: nodes.hosts does
   * not have it. `unsupported`: nodes never pull it from ECR, for example because it has a port.
   */
  readonly upstream?: Upstream;
  /** The reference with which any pod can pull it from ECR. */
  readonly instead?: string;
  readonly inEcr: Read<StoredImage>;
}

/** Whether ECR is known not to have the image at all. */
export const isAbsent = ({ inEcr }: Pick<ImageEvidence, 'inEcr'>): boolean =>
  /^no-(repository|tag|digest)$/.test(known(inEcr)?.state ?? '');

export interface NodeEvidence {
  readonly name: string;
  readonly object: Read<KubeObject | undefined>;
  readonly isReady: boolean;
  readonly hasDiskPressure: boolean;
  /** The registries that nodes pull from ECR. */
  readonly mirrored: Read<readonly string[]>;
  /** Undefined if the configuration does not select the node. */
  readonly access: Read<NodeAccess | undefined>;
  /** What `status` reports about it. */
  readonly finding?: Finding;
  /** Whether ECR refuses the token in the files on nodes. */
  readonly isTokenRefused: Read<boolean>;
}

/** A pull secret of a pod, or the managed one. */
export interface CheckedSecret {
  readonly name: string;
  readonly object: Read<KubeObject | undefined>;
  /** How ECR answers its login. Undefined without a login for the registry. */
  readonly login: Read<'accepted' | 'refused' | undefined>;
}

/** Whether pods can pull with it. */
export function isServing({ object, login }: CheckedSecret, now: number): boolean {
  const secret = known(object);
  if (object instanceof BootstrapError || login instanceof BootstrapError) return true;
  return secret !== undefined && login === 'accepted' && (tokenExpiry(secret) ?? Infinity) > now;
}

export interface AccessEvidence {
  /** The name of the managed pull secret. */
  readonly pullSecret: string;
  readonly namespace: string;
  /** Why the namespace gets no pull secret. */
  readonly exclusion?: string;
  readonly account: {
    readonly name: string;
    readonly object: Read<KubeObject | undefined>;
    /** The pull secrets that it lists. */
    readonly lists: readonly string[];
    readonly isExcluded: boolean;
  };
  /** The pull secrets with which the pod was created, or those of the pod template. */
  readonly listed: readonly string[];
  /** Those, and the managed one. */
  readonly secrets: readonly CheckedSecret[];
  readonly now: number;
}

/** A finding about what supplies tokens, and the step that reports it. */
export interface SupplyFinding {
  readonly step: string;
  readonly finding: Finding;
}
