import { randomBytes } from 'node:crypto';
import { refOf } from '../../cluster/names.ts';
import type { ClusterPort, KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import { waitFor } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { applyObjects, diffObjects, type ObjectsState, observeObjects } from '../objects.ts';
import { observeServiceAccounts } from '../service-accounts/covered.ts';
import { pullSecretsOf } from '../service-accounts/list.ts';
import { policyRefs } from './policy.ts';

/** Milliseconds; an API server takes up a new policy within a second or two, each of several by itself. */
const deadline = 15_000;

/**
 * Proves by dry runs that service accounts are created and updated with the pull secret. A policy that fails there
 * could keep the whole cluster from making service accounts, so it is taken away at once: then `up` has to be run
 * again after new namespaces, which is no reason to end a run. One that could not be tried is taken away, too, and the
 * run ends: the next one makes it again.
 * @throws BootstrapError `cluster-unreachable`
 */
export async function proveOrRemove(
  state: ObjectsState & { version: string | undefined },
  run: Run,
): Promise<void> {
  if (state.wanted.length === 0 || state.version === undefined) return;
  try {
    await prove(run);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    await removePolicy(state.version, run);
    if (error.code === 'cluster-unreachable') throw error;
    run.emit({
      type: 'finding',
      finding: {
        level: 'warning',
        code: 'policy-unproven',
        target: { kind: 'MutatingAdmissionPolicy', name: 'ecr-bootstrap-pull-secret' },
        what: 'the admission policy did not work in a dry run and was taken away',
        why: error.why,
        hint: 'Run ecr-bootstrap up --only service-accounts after new namespaces, or set serviceAccounts.policy: off.',
      },
    });
  }
}

async function prove({ ctx, signal, emit }: Run): Promise<void> {
  const { covered } = await observeServiceAccounts(ctx);
  const [sample] = covered;
  if (!sample) return;
  const { clock, cluster, config } = ctx;
  const what = 'the admission policy to take effect';
  await waitFor({ what, clock, signal, emit, deadline, every: 500, hint: '' }, async (pending) => {
    const tried = [
      await dryCreate(cluster, sample),
      await dryUpdate(cluster, sample, config.pullSecret.name),
    ];
    const untouched = tried.find((account) => !pullSecretsOf(account).includes(config.pullSecret.name));
    return untouched ? pending(`${untouched.metadata.name} is admitted without the pull secret`) : true;
  });
}

function dryCreate(cluster: ClusterPort, { apiVersion, kind, metadata }: KubeObject): Promise<KubeObject> {
  const name = `ecr-bootstrap-proof-${randomBytes(4).toString('hex')}`;
  const { namespace = '' } = metadata;
  return cluster.create({ apiVersion, kind, metadata: { name, namespace } }, { dryRun: true });
}

/** The sample as it is now, without the pull secret; the server changes nothing but tells what it would store. */
async function dryUpdate(cluster: ClusterPort, sample: KubeObject, pullSecret: string): Promise<KubeObject> {
  const current = (await cluster.get(refOf(sample))) ?? sample;
  const others = pullSecretsOf(current).filter((name) => name !== pullSecret);
  const imagePullSecrets = others.map((name) => ({ name }));
  return cluster.update({ ...current, imagePullSecrets }, { dryRun: true });
}

async function removePolicy(version: string, run: Run): Promise<void> {
  const state = await observeObjects(run.ctx.cluster, [], policyRefs(version));
  await applyObjects(diffObjects(state).changes, state, run);
}
