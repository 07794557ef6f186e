import type { KubeObject } from '../clients/kubernetes/port.ts';

/** A controller or bare pod that names images, with what names them. */
export interface Workload {
  /** `Deployment shop/web`; static pods are `Node NAME` mirror pods and say so. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
  readonly serviceAccount: string;
  /** Pull secrets that the pod template itself names. */
  readonly pullSecrets: readonly string[];
  /** Run by the kubelet from a file: no service account, no pull secret can help it. */
  readonly isStatic: boolean;
}

export interface NamespaceInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By label or configuration: no pull secret, no service account is touched there. */
  readonly ignored: boolean;
  readonly terminating: boolean;
}

export interface OddNode {
  readonly name: string;
  /** As the node reports it. */
  readonly platform: string;
}

/** One snapshot of the cluster for one observation. Each list is read at most once, cluster-wide and paged. */
export interface Inventory {
  namespaces(): Promise<readonly NamespaceInfo[]>;
  serviceAccounts(): Promise<readonly KubeObject[]>;
  pods(): Promise<readonly KubeObject[]>;
  workloads(): Promise<readonly Workload[]>;
  /** The nodes' platforms, for example `linux/amd64`, without doubles. */
  platforms(): Promise<readonly string[]>;
  /** Nodes that report a platform for which no image can exist. */
  oddNodes(): Promise<readonly OddNode[]>;
  /** The pull secrets of all namespaces, metadata only. */
  pullSecrets(): Promise<readonly KubeObject[]>;
  externalSecrets(): Promise<readonly KubeObject[]>;
  /** Warning events, newest last. */
  warnings(): Promise<readonly KubeObject[]>;
}
