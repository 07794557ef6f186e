import type { ClusterPort } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Run } from '../core/step.ts';
import type { Inventory } from './inventory.ts';

/** What work on the cluster needs. */
export interface ClusterContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly cluster: ClusterPort;
  readonly inventory: Inventory;
  /** The ECR's host, from what ECR answers; from what the cluster was given last when AWS does not answer. */
  registryHost(): Promise<string>;
}

export type ClusterRun = Run<ClusterContext>;
