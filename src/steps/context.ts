import type { AwsPort } from '../clients/aws/port.ts';
import type { Clock } from '../core/clock.ts';
import type { ClusterPort } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import type { Platforms, WantedImages } from '../images/port.ts';
import type { Inventory } from '../cluster/inventory-port.ts';
import type { OperatorSource } from '../external-secrets/release/port.ts';
import type { Mirror } from '../mirror/port.ts';
import type * as plan from '../core/plan-exports.ts';
import type { RegistryLogin } from '../clients/registry/token-check.ts';

/**
 * All that a step may use. Ports are made when they are first touched. One context is one observation: what it
 * has read once it remembers, and {@link Context.fresh} gives one that has forgotten.
 */
export interface Context {
  readonly config: Config;
  readonly clock: Clock;
  readonly aws: AwsPort;
  readonly cluster: ClusterPort;
  readonly inventory: Inventory;
  readonly mirror: Mirror;
  readonly operatorSource: OperatorSource;
  /** The images to mirror: the configuration's, those of files, and the cluster's when it answers. */
  wantedImages(): Promise<WantedImages>;
  platforms(): Promise<Platforms>;
  /** The ECR's host, from what ECR answers; from what the cluster was given last when AWS does not answer. */
  registryHost(): Promise<string>;
  /**
   * Whether the registry takes this login, which a pull secret holds.
   * @throws BootstrapError when it gives no answer
   */
  isLoginAccepted(host: string, login: RegistryLogin): Promise<boolean>;
  /**
   * Whether observing may log in with the stored access key to judge it. Only a run of `up` or `rotate` may: AWS records
   * each use, so commands that only look, and removals, judge the key by IAM's list.
   */
  readonly usesKey: boolean;
  /** @param change what differs in the new context */
  fresh(change?: Partial<Pick<Context, 'usesKey'>>): Context;
}

/** A rule as in a ClusterRole: what a step needs in the cluster. */
export interface ClusterRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only for objects of these names. */
  readonly resourceNames?: readonly string[];
}

interface NeedsRights {
  /** Preflight asks for them, and `policy cluster` prints them. */
  readonly rights?: readonly ClusterRule[];
  /** What `remove` needs beside reading and deleting what {@link NeedsRights.rights} name. */
  readonly removalRights?: readonly ClusterRule[];
}

export type Step<State> = plan.Step<State, Context> & NeedsRights;
export type AnyStep = plan.AnyStep<Context> & NeedsRights;
export type Run = plan.Run<Context>;

/** A context is one observation, so what several steps ask about is asked once. */
export function oncePerContext<T>(observe: (ctx: Context) => Promise<T>): (ctx: Context) => Promise<T> {
  const seen = new WeakMap<Context, Promise<T>>();
  return (ctx) => {
    const known = seen.get(ctx) ?? observe(ctx);
    seen.set(ctx, known);
    return known;
  };
}
