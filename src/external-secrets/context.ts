import type { RegistryLogin } from '../clients/registry/token-check.ts';
import type { ClusterContext } from '../cluster/context.ts';
import type { Run } from '../core/step.ts';
import type { IamContext } from '../iam/context.ts';
import type { OperatorSource } from './release/port.ts';

/** What managing the operator and its pull secrets needs. */
export interface ExternalSecretsContext extends ClusterContext, IamContext {
  readonly operatorSource: OperatorSource;
  /**
   * Whether the registry accepts this login of a pull secret, and lets it pull from a repository if one is given.
   * @throws BootstrapError when the registry cannot be asked
   */
  isLoginAccepted(host: string, login: RegistryLogin, repository?: string): Promise<boolean>;
  /** A context without the cached reads of this one. */
  fresh(): ExternalSecretsContext;
}

export type ExternalSecretsRun = Run<ExternalSecretsContext>;
