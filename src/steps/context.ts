import type { AccessKeyContext } from '../access-key/context.ts';
import type * as core from '../core/step.ts';
import type { MirrorContext } from '../mirror/context.ts';

/**
 * Everything that a step may use. Clients are created on first use. One context is one observation: it caches
 * what it has read, and {@link Context.fresh} returns a context without cached reads.
 */
export interface Context extends AccessKeyContext, MirrorContext {
  fresh(change?: Partial<Pick<AccessKeyContext, 'usesKey'>>): Context;
}

export type Step<State, C extends core.Change = core.Change> = core.Step<State, Context, C>;
export type AnyStep = core.AnyStep<Context>;
export type Run = core.Run<Context>;
