import type { ExternalSecretsContext } from '../external-secrets/context.ts';
import type { MirrorContext } from '../mirror/context.ts';
import type { Run } from '../core/step.ts';

/** The services that letting nodes pull from ECR needs. */
export interface NodesContext extends ExternalSecretsContext, MirrorContext {
  fresh(): NodesContext;
}

export type NodesRun = Run<NodesContext>;
