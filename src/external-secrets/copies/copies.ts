import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import type { ExternalSecretsContext } from '../context.ts';
import {
  type NamespaceCoverage,
  ignoredFindings,
  isReconciled,
  observeCoverage,
} from '../../cluster/coverage.ts';
import { operatorKind } from '../../cluster/operator-api.ts';
import { annotations } from '../../core/ownership.ts';
import { withoutOperator } from '../pull-secret/resync.ts';
import { fixOf } from '../refusals.ts';
import { syncFinding, syncOf } from '../sync.ts';
import { tokenExpiry, tokenFinding } from '../tokens.ts';

/** The pull secret's copy in one namespace. */
export interface PullSecretCopy {
  readonly namespace: string;
  readonly secret: KubeObject | undefined;
  readonly externalSecret: KubeObject | undefined;
  /** Why the copy is missing or not renewed. */
  readonly failure: string | undefined;
  /** Changes when the operator has retried. */
  readonly evidence: string;
}

export interface Copies {
  readonly coverage: NamespaceCoverage;
  /** One for each covered namespace. */
  readonly copies: readonly PullSecretCopy[];
  /** The ClusterExternalSecret that creates the copies. */
  readonly distribution: KubeObject | undefined;
}

interface DistributionStatus {
  readonly failedNamespaces?: readonly { readonly namespace: string; readonly reason?: string }[];
}

/** Reads all copies with a few lists of the whole cluster. */
export async function observeCopies(ctx: ExternalSecretsContext): Promise<Copies> {
  const { name } = ctx.config.pullSecret;
  const distributionRef = { ...(await operatorKind(ctx.cluster, 'ClusterExternalSecret')), name };
  const [coverage, secrets, externalSecrets, distribution] = await Promise.all([
    observeCoverage(ctx),
    ctx.inventory.pullSecrets(),
    ctx.inventory.externalSecrets(),
    ctx.cluster.get(distributionRef),
  ]);
  const secretIn = byNamespace(secrets);
  const sourceIn = byNamespace(externalSecrets.filter(({ metadata }) => metadata.name === name));
  const { failedNamespaces = [] } = (distribution?.['status'] ?? {}) as DistributionStatus;
  const refused = new Map(
    failedNamespaces.map(({ namespace, reason }) => [namespace, reason ?? 'no reason given']),
  );
  const isFailing = [...sourceIn.values()].some((one) => syncOf(one, []).state === 'failing');
  const warnings = isFailing || refused.size > 0 ? await ctx.inventory.warnings() : [];
  const copies = coverage.covered.map(({ name: namespace }) => {
    const externalSecret = sourceIn.get(namespace);
    const sync = externalSecret && syncOf(externalSecret, warnings);
    const secret = secretIn.get(namespace);
    if (sync?.state === 'failing') {
      return { namespace, secret, externalSecret, failure: sync.why, evidence: sync.evidence };
    }
    return { namespace, secret, externalSecret, failure: refused.get(namespace), evidence: '' };
  });
  return { coverage, copies, distribution };
}

/**
 * Describes a namespace that rejects its copy, for runs and for `status`.
 * @param name of the pull secret
 */
export function copyRefusal(
  { namespace, secret, externalSecret, failure }: Omit<PullSecretCopy, 'evidence'>,
  name: string,
): Pick<Finding, 'target' | 'what' | 'why' | 'hint'> | undefined {
  const hint = failure === undefined ? undefined : fixOf(failure, { namespace, name });
  if (failure === undefined || hint === undefined) return undefined;
  return {
    target: { kind: 'Namespace', name: namespace },
    what: secret
      ? `namespace ${namespace} rejects a new token for its pull secret`
      : `namespace ${namespace} rejects the pull secret`,
    why: failure,
    hint: `${hint} ${retryHint(externalSecret ? `-n ${namespace} externalsecret` : 'clusterexternalsecret', name)}`,
  };
}

/** A fixed cause is still reported until the operator retries, because a run without changes does not force a retry. */
const retryHint = (what: string, name: string): string =>
  `The operator then retries within 17 minutes. To retry at once: kubectl annotate --overwrite ${what} ${name} ${annotations.forceSync}="$(date)"`;

/** Why pods cannot use a copy yet; undefined when they can. */
export function whyNotServing(
  { secret, externalSecret, failure }: PullSecretCopy,
  now: number,
): string | undefined {
  if (failure !== undefined) return failure;
  if (!secret)
    return externalSecret
      ? 'the operator has not written it yet'
      : 'the operator has not created the ExternalSecret yet';
  if (!isReconciled(secret)) return 'the operator has not adopted the Secret yet';
  return (tokenExpiry(secret) ?? 0) > now ? undefined : 'its token has expired';
}

const byNamespace = (objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(objects.map((object) => [object.metadata.namespace ?? '', object]));

/** Reports for each namespace when its token expires, or why it has none. */
export async function copiesHealth(ctx: ExternalSecretsContext): Promise<readonly Finding[]> {
  const { coverage, copies } = await observeCopies(ctx);
  const now = ctx.clock.now();
  return [
    ...(copies.length > 0 ? await withoutOperator(ctx, 'namespaces get no new pull secret') : []),
    ...copies.flatMap((copy) => copyFindings(copy, ctx.config.pullSecret.name, now)),
    ...ignoredFindings(coverage),
  ];
}

function copyFindings(copy: PullSecretCopy, name: string, now: number): readonly Finding[] {
  const { secret, externalSecret, failure } = copy;
  const refusal = copyRefusal(copy, name);
  // First, because the annotation with the expiry can change although the Secret rejects new tokens.
  if (refusal) return [finding('namespace-uncovered', refusal)];
  if (!secret) return [uncovered(copy)];
  const failing =
    externalSecret && failure !== undefined
      ? syncFinding(externalSecret, { state: 'failing', why: failure })
      : [];
  return [tokenFinding(secret, now), ...failing];
}

const uncovered = ({ namespace, failure, externalSecret }: PullSecretCopy): Finding =>
  finding('namespace-uncovered', {
    target: { kind: 'Namespace', name: namespace },
    what: `namespace ${namespace} has no pull secret`,
    why:
      failure ??
      (externalSecret
        ? 'the operator has not written it yet'
        : 'the operator has not created the ExternalSecret yet'),
    hint: 'Run `ecr-bootstrap up`.',
  });
