import type { RegistryLogin } from '../clients/registry/token-check.ts';
import type { ClusterContext } from '../cluster/context.ts';
import type { Run } from '../core/step.ts';
import type { IamContext } from '../iam/context.ts';
import type { OperatorSource } from './release/port.ts';

/** What work on the operator and its pull secrets needs. */
export interface ExternalSecretsContext extends ClusterContext, IamContext {
  readonly operatorSource: OperatorSource;
  /**
   * Whether the registry takes this login, which a pull secret holds.
   * @throws BootstrapError when it gives no answer
   */
  isLoginAccepted(host: string, login: RegistryLogin): Promise<boolean>;
  /** A context that has forgotten what this one has read. */
  fresh(): ExternalSecretsContext;
}

export type ExternalSecretsRun = Run<ExternalSecretsContext>;
