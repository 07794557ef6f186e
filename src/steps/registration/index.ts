import { BootstrapError } from '../../errors/index.ts';
import { type Change, type Diff, inOrder, type Outcome } from '../../plan/index.ts';
import type { Context, Run, Step } from '../context.ts';
import { secretNames } from '../policies/index.ts';
import { keyInCluster } from '../pull-secret-seed/key-in-cluster.ts';
import { proveEveryLevel } from '../pull-secret-seed/prove-levels.ts';
import { clusterId } from './cluster-id.ts';
import { type ClusterRecord, recordsIn, recordTag, tagKeyOf } from './records.ts';

interface RegistrationState {
  readonly id: string;
  /** The access key that the cluster has. */
  readonly keyId: string | undefined;
  readonly record: ClusterRecord | undefined;
}

/**
 * Puts this cluster on record with the key that it uses, so that `rotate` for another cluster of the project waits for
 * it, and `down --aws` does not take the key away from it. AWS itself tells no more than a key's last use.
 */
export const registration: Step<RegistrationState> = {
  id: 'registration',
  title: 'this cluster among those of the project',
  needs: ['aws', 'cluster'],
  rights: [
    { apiGroups: [''], resources: ['namespaces', 'secrets'], verbs: ['get'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['get', 'list', 'patch'],
    },
  ],
  observe,
  diff: ({ id, keyId, record }) => ({ changes: changesOf(id, keyId, record), findings: [] }),
  apply: (changes, { id, record }, run) => carryOut(changes, id, record, run, proveEveryLevel),
  remove: ({ id, record }) => deregistration(id, record),
};

/** For a rotation, which has proved every level itself. */
export const registrationAfterRotation: Pick<Step<RegistrationState>, 'observe' | 'apply'> = {
  observe,
  apply: (changes, { id, record }, run) => carryOut(changes, id, record, run, () => Promise.resolve()),
};

async function observe(ctx: Context): Promise<RegistrationState> {
  const [id, keyId, secret] = await Promise.all([
    clusterId(ctx.cluster),
    keyInCluster(ctx.cluster),
    ctx.aws.secrets.describe(secretNames(ctx.config).id),
  ]);
  return { id, keyId, record: recordsIn(secret?.tags).find((one) => one.id === id) };
}

/** @param id of the cluster */
export const registrationTarget = (id: string) => ({ kind: 'cluster registration', name: id });

function changesOf(id: string, keyId: string | undefined, record: ClusterRecord | undefined): Change[] {
  const target = registrationTarget(id);
  if (!record) return [{ action: 'create', target, fields: [] }];
  if (keyId === undefined || record.keyId === keyId) return [];
  return [{ action: 'update', target, fields: [{ path: 'key', from: record.keyId, to: keyId }] }];
}

function carryOut(
  changes: readonly Change[],
  id: string,
  record: ClusterRecord | undefined,
  run: Run,
  prove: (run: Run) => Promise<void>,
): Promise<Outcome[]> {
  const { aws, cluster, clock, config } = run.ctx;
  const secret = secretNames(config).id;
  return inOrder(changes, run, async ({ action }) => {
    if (action === 'delete') return aws.secrets.untag(secret, [tagKeyOf(id)]);
    // What is recorded for the first time has no tokens of an earlier key.
    if (record) await prove(run);
    const keyId = await keyInCluster(cluster);
    if (keyId === undefined) throw keyless;
    const { context: name } = await cluster.info();
    await aws.secrets.tag(secret, recordTag({ id, keyId, name }, clock.now()));
  });
}

function deregistration(id: string, record: ClusterRecord | undefined): Diff {
  if (!record) return { changes: [], findings: [] };
  return { changes: [{ action: 'delete', target: registrationTarget(id), fields: [] }], findings: [] };
}

const keyless = new BootstrapError({
  code: 'not-ready',
  what: 'put this cluster on record',
  why: 'it has no access key yet',
  hint: 'Run ecr-bootstrap up with all its steps.',
});
