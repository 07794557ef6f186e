import type { Finding } from '../../core/findings.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { ignoredFindings } from '../../cluster/coverage.ts';
import { withoutOperator } from '../pull-secret/resync.ts';
import { syncFinding } from '../sync.ts';
import { tokenFinding } from '../tokens.ts';
import { observeCopies, type PullSecretCopy, refusalOf } from './copies.ts';
import { finding } from '../../core/findings.ts';

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
