import type { AccessKeyContext } from '../access-key/context.ts';
import type * as core from '../core/step.ts';
import type { MirrorContext } from '../mirror/context.ts';

/**
 * All that a step may use. Ports are made when they are first touched. One context is one observation: what it
 * has read once it remembers, and {@link Context.fresh} gives one that has forgotten.
 */
export interface Context extends AccessKeyContext, MirrorContext {
  fresh(change?: Partial<Pick<AccessKeyContext, 'usesKey'>>): Context;
}

export type Step<State, C extends core.Change = core.Change> = core.Step<State, Context, C>;
export type AnyStep = core.AnyStep<Context>;
export type Run = core.Run<Context>;
