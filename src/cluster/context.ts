import type { ClusterPort } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Run } from '../core/step.ts';
import type { Inventory } from './inventory.ts';

/** The services that steps for the cluster need. */
export interface ClusterContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly cluster: ClusterPort;
  readonly inventory: Inventory;
  /** The ECR host, from ECR; while AWS is unreachable, from the annotation of the operator's namespace. */
  registryHost(): Promise<string>;
}

export type ClusterRun = Run<ClusterContext>;
