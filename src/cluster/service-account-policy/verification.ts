import { randomBytes } from 'node:crypto';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { waitFor } from '../../core/wait.ts';
import { effectDeadlineMs, firstAccepted } from '../admission-policy/verification.ts';
import type { ClusterRun } from '../context.ts';
import { pullSecretsOf } from '../pull-secret-users.ts';
import { observeServiceAccounts } from '../service-accounts/covered.ts';

/**
 * Verifies by dry runs that service accounts are created and updated with the pull secret.
 * @throws BootstrapError when they are not
 */
export async function verifyPullSecret(run: ClusterRun): Promise<void> {
  const { ctx } = run;
  const { covered } = await observeServiceAccounts(ctx);
  const samples = onePerNamespace(covered).slice(0, maxSamples);
  if (samples.length === 0) return;
  const pullSecret = ctx.config.pullSecret.name;
  const what = 'the admission policy to take effect';
  await waitFor(run, { what, deadlineMs: effectDeadlineMs, intervalMs: 500 }, async (pending) => {
    const admitted = await firstAccepted(samples, async (sample) => [
      await dryCreate(ctx.cluster, sample),
      await dryUpdate(ctx.cluster, sample, pullSecret),
    ]);
    const unchanged = admitted.find((account) => !pullSecretsOf(account).includes(pullSecret));
    return unchanged ? pending(`${unchanged.metadata.name} is admitted without the pull secret`) : true;
  });
}

/** The policy fails verification when so many namespaces reject it. */
const maxSamples = 5;

function onePerNamespace(accounts: readonly KubeObject[]): KubeObject[] {
  const byNamespace = new Map<string | undefined, KubeObject>();
  for (const account of accounts) {
    const { namespace } = account.metadata;
    if (!byNamespace.has(namespace)) byNamespace.set(namespace, account);
  }
  return [...byNamespace.values()];
}

function dryCreate(cluster: ClusterPort, { apiVersion, kind, metadata }: KubeObject): Promise<KubeObject> {
  const name = `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`;
  const { namespace = '' } = metadata;
  return cluster.create({ apiVersion, kind, metadata: { name, namespace } }, { dryRun: true });
}

/** Updates the current service account without the pull secret, in a dry run. */
async function dryUpdate(cluster: ClusterPort, sample: KubeObject, pullSecret: string): Promise<KubeObject> {
  const current = (await cluster.get(refOf(sample))) ?? sample;
  const others = pullSecretsOf(current).filter((name) => name !== pullSecret);
  const imagePullSecrets = others.map((name) => ({ name }));
  return cluster.update({ ...current, imagePullSecrets }, { dryRun: true });
}
