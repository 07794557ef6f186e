import { BootstrapError } from '../../errors/index.ts';
import {
  type Change,
  type Diff,
  type Field,
  type Finding,
  inOrder,
  type Outcome,
  tolerating,
} from '../../plan/index.ts';
import type { Context, Run, Step } from '../context.ts';
import { describeStored } from '../image-puller-key/stored.ts';
import { secretNames } from '../policies/index.ts';
import { keyInCluster } from '../pull-secret-seed/key-in-cluster.ts';
import { proveEveryLevel } from '../pull-secret-seed/prove-levels.ts';
import { clusterId } from './cluster-id.ts';
import {
  type ClusterRecord,
  fullBecauseOfTags,
  recordsIn,
  recordTag,
  type RegistrationLimit,
  tagKeyOf,
} from './records.ts';
import { isNewer, isVersion, newestAbove, olderThan, ownMinorVersion } from './version.ts';

interface RegistrationState {
  readonly id: string;
  /** The access key that the cluster has. */
  readonly keyId: string | undefined;
  readonly record: ClusterRecord | undefined;
  /** AWS lets no tag of a secret be removed that is scheduled for deletion. They are deleted with it. */
  readonly isFrozen: boolean;
  /** All clusters of the project. */
  readonly records: readonly ClusterRecord[];
  /** Why this cluster cannot be registered. */
  readonly limit: RegistrationLimit | undefined;
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
  diff: (state) => {
    const findings = limitFindings(state);
    return { changes: findings.length > 0 ? [] : changesOf(state, ownMinorVersion()), findings };
  },
  // The steps that follow need no registration. Namespaces that refuse their token are reported by the step that
  // makes the copies.
  apply: async (changes, { id, record }, run) => {
    const how = { prove: proveEveryLevel, version: ownMinorVersion() };
    return tolerating(await carryOut(changes, id, record, run, how));
  },
  health: ({ records }) => Promise.resolve(versionFindings(records)),
  remove: ({ id, record, isFrozen }) => deregistration(id, isFrozen ? undefined : record),
};

/** For a rotation: it has verified every level itself, and a newer version has configured nothing but the key. */
export const registrationAfterRotation: Pick<Step<RegistrationState>, 'observe' | 'diff' | 'apply'> = {
  observe,
  diff: (state) => ({ changes: changesOf(state, state.record?.version), findings: [] }),
  apply: (changes, { id, record }, run) =>
    carryOut(changes, id, record, run, {
      prove: () => Promise.resolve(),
      version: record?.version ?? ownMinorVersion(),
    }),
};

async function observe(ctx: Context): Promise<RegistrationState> {
  const [id, keyId, stored] = await Promise.all([
    clusterId(ctx.cluster),
    keyInCluster(ctx.cluster),
    describeStored(ctx),
  ]);
  const records = recordsIn(stored.id?.tags);
  const record = records.find((one) => one.id === id);
  const limit = fullBecauseOfTags(secretNames(ctx.config).id, stored.id?.tags ?? {}, id);
  return { id, keyId, record, isFrozen: stored.id?.deleted === true, records, limit };
}

/** @param id of the cluster */
export const registrationTarget = (id: string) => ({ kind: 'cluster registration', name: id });

/** @param version that configures the cluster with this run; what a newer one wrote stays */
function changesOf({ id, keyId, record }: RegistrationState, version: string | undefined): Change[] {
  const target = registrationTarget(id);
  if (!record) return [{ action: 'create', target, fields: [] }];
  const fields: Field[] = [];
  if (keyId !== undefined && record.keyId !== keyId) {
    fields.push({ path: 'key', from: record.keyId, to: keyId });
  }
  if (version !== undefined && (isNewer(version, record.version) || !isVersion(record.version))) {
    fields.push({ path: 'version', from: record.version, to: version });
  }
  return fields.length > 0 ? [{ action: 'update', target, fields }] : [];
}

function limitFindings({ id, limit }: RegistrationState): Finding[] {
  if (!limit) return [];
  return [{ level: 'failed', code: 'registration-full', target: registrationTarget(id), ...limit }];
}

function versionFindings(records: readonly ClusterRecord[]): Finding[] {
  const newer = newestAbove(ownMinorVersion(), records);
  if (!newer) return [];
  return [
    { level: 'warning', code: 'version-older', target: registrationTarget(newer.id), ...olderThan(newer) },
  ];
}

function carryOut(
  changes: readonly Change[],
  id: string,
  record: ClusterRecord | undefined,
  run: Run,
  { prove, version }: { readonly prove: (run: Run) => Promise<unknown>; readonly version: string },
): Promise<Outcome[]> {
  const { aws, cluster, clock, config } = run.ctx;
  const secret = secretNames(config).id;
  return inOrder(changes, run, async ({ action, fields }) => {
    if (action === 'delete') return aws.secrets.untag(secret, [tagKeyOf(id)]);
    const { context: name } = await cluster.info();
    const isKeySame = record && fields.every(({ path }) => path === 'version');
    // What is recorded for the first time has no tokens of an earlier key.
    if (record && !isKeySame) await prove(run);
    const keyId = isKeySame ? record.keyId : await keyInCluster(cluster);
    if (keyId === undefined) throw keyless;
    await aws.secrets.tag(secret, recordTag({ id, keyId, name, version }, clock.now()));
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
