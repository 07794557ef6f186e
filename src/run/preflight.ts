import type { CallerIdentity } from '../clients/aws/port.ts';
import type { ClusterInfo } from '../clients/kubernetes/port.ts';
import { BootstrapError, severalErrors } from '../core/errors.ts';
import type { Need } from '../core/step.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { refuseOtherAccount } from './account.ts';
import type { EnvironmentHeader, Session } from './session.ts';

/** The account and cluster of the run if they are reachable, and the errors if not. */
export interface PreflightResult {
  readonly header: EnvironmentHeader;
  readonly errors: ReadonlyMap<Need, BootstrapError>;
}

/** Shows on a terminal that the run has started, because the first responses can take seconds. */
export const showReading = ({ reporter }: Session): void =>
  reporter.event({ type: 'waiting', step: '', what: 'AWS and the cluster', seconds: 0 });

/**
 * Reads the caller from AWS and the version of the cluster, in parallel.
 * @param readsPods whether the run certainly reads the pods
 */
export async function probe(
  ctx: Context,
  needs: ReadonlySet<Need>,
  readsPods = false,
): Promise<PreflightResult> {
  const errors = new Map<Need, BootstrapError>();
  const ask = async <T>(need: Need, question: () => Promise<T>): Promise<T | undefined> => {
    if (!needs.has(need)) return undefined;
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof BootstrapError)) throw error;
      if (!errors.has(need)) errors.set(need, error);
      return undefined;
    }
  };
  const askAws = async () => {
    const identity = await ask('aws', () => guardedIdentity(ctx));
    const registry = identity && (await ask('aws', () => ctx.aws.ecr.registryHost()));
    return { identity, registry };
  };
  const askCluster = async () => {
    const info = await ask('cluster', () => ctx.cluster.info());
    // This long list is read while AWS responds. A step that uses it reports its error.
    if (info && readsPods) ctx.inventory.pods().catch(() => undefined);
    return info;
  };
  const [aws, cluster] = await Promise.all([askAws(), askCluster()]);
  return { header: headerOf(aws, cluster), errors };
}

/**
 * Ends a run before its first change if its steps need a service that is unreachable or a permission that is
 * missing.
 * @throws BootstrapError with everything that is missing, AWS before the cluster
 */
export async function preflight(
  ctx: Context,
  steps: readonly AnyStep[],
  reached: PreflightResult,
): Promise<void> {
  refuseUnreached(reached);
  const { refuseMissingRights } = await import('./rights.ts');
  await refuseMissingRights(ctx, steps);
}

export function refuseUnreached({ errors }: PreflightResult): void {
  const inOrder = (['aws', 'cluster'] as const).flatMap((need) => errors.get(need) ?? []);
  if (inOrder.length > 0) throw severalErrors(inOrder);
}

async function guardedIdentity(ctx: Context): Promise<CallerIdentity> {
  const identity = await ctx.aws.identity();
  const { arn, accountId } = identity;
  refuseOtherAccount(ctx.config, accountId, `the credentials belong to ${arn} in account ${accountId}`);
  return identity;
}

function headerOf(
  { identity, registry }: { identity: CallerIdentity | undefined; registry: string | undefined },
  cluster: ClusterInfo | undefined,
): EnvironmentHeader {
  return {
    ...(identity ? { caller: identity.arn, account: identity.accountId, region: identity.region } : {}),
    ...(registry === undefined ? {} : { registry }),
    ...cluster,
  };
}
