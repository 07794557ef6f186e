import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { type Coverage, ignoredFindings, isReconciled, observeCoverage } from '../../cluster/coverage.ts';
import { annotations } from '../../core/ownership.ts';
import { withoutOperator } from '../pull-secret/resync.ts';
import { fixOf } from '../refusals.ts';
import { syncFinding, syncOf } from '../sync.ts';
import { expiryOf, tokenFinding } from '../tokens.ts';

/** The pull secret's copy in one namespace. */
export interface PullSecretCopy {
  readonly namespace: string;
  readonly secret: KubeObject | undefined;
  readonly externalSecret: KubeObject | undefined;
  /** Why there is no copy, or why it is not kept up to date. */
  readonly failure: string | undefined;
  /** Changes when the operator has tried again. */
  readonly evidence: string;
}

export interface Copies {
  readonly coverage: Coverage;
  /** One for each covered namespace. */
  readonly copies: readonly PullSecretCopy[];
  /** What makes the copies. */
  readonly fanOut: KubeObject | undefined;
}

interface FanOutStatus {
  readonly failedNamespaces?: readonly { readonly namespace: string; readonly reason?: string }[];
}

/** The whole fan-out from lists that each span the cluster. */
export async function observeCopies(ctx: ExternalSecretsContext): Promise<Copies> {
  const { name } = ctx.config.pullSecret;
  const fanOutRef = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ClusterExternalSecret', name };
  const [coverage, secrets, externalSecrets, fanOut] = await Promise.all([
    observeCoverage(ctx),
    ctx.inventory.pullSecrets(),
    ctx.inventory.externalSecrets(),
    ctx.cluster.get(fanOutRef),
  ]);
  const secretIn = byNamespace(secrets);
  const sourceIn = byNamespace(externalSecrets.filter(({ metadata }) => metadata.name === name));
  const { failedNamespaces = [] } = (fanOut?.['status'] ?? {}) as FanOutStatus;
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
  return { coverage, copies, fanOut };
}

/**
 * What a namespace that refuses its copy is reported as, by a run and by `status` alike.
 * @param name of the pull secret
 */
export function refusalOf(
  { namespace, secret, externalSecret, failure }: Omit<PullSecretCopy, 'evidence'>,
  name: string,
): Pick<Finding, 'target' | 'what' | 'why' | 'hint'> | undefined {
  const hint = failure === undefined ? undefined : fixOf(failure, { namespace, name });
  if (failure === undefined || hint === undefined) return undefined;
  return {
    target: { kind: 'Namespace', name: namespace },
    what: secret
      ? `namespace ${namespace} refuses a new token for its pull secret`
      : `namespace ${namespace} refuses the pull secret`,
    why: failure,
    hint: `${hint} ${tryAgain(externalSecret ? `-n ${namespace} externalsecret` : 'clusterexternalsecret', name)}`,
  };
}

/** An empty plan changes nothing, so that what is fixed stays reported until the operator has tried again. */
const tryAgain = (what: string, name: string): string =>
  `Then the operator tries again within 17 minutes, or at once after: kubectl annotate --overwrite ${what} ${name} ${annotations.forceSync}="$(date)"`;

/** What is still missing before a copy serves; undefined when nothing is. */
export function whyNotServing(
  { secret, externalSecret, failure }: PullSecretCopy,
  now: number,
): string | undefined {
  if (failure !== undefined) return failure;
  if (!secret) return externalSecret ? 'the copy is not written yet' : 'there is no ExternalSecret yet';
  if (!isReconciled(secret)) return 'the operator has not adopted the Secret yet';
  return (expiryOf(secret) ?? 0) > now ? undefined : 'its token has expired';
}

const byNamespace = (objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(objects.map((object) => [object.metadata.namespace ?? '', object]));

/** For each namespace: how long its token lasts, or why it has none. */
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
  const refusal = refusalOf(copy, name);
  // The operator writes when a token expires also on a Secret that takes no new token.
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
        : 'the operator has not made an ExternalSecret there'),
    hint: 'Run ecr-bootstrap up; it waits for the operator and says what stands in the way.',
  });
