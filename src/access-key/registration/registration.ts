import { BootstrapError } from '../../core/errors.ts';
import type { Change, ChangeWith, Diff, Field, Outcome } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { inOrder, tolerating } from '../../core/members.ts';
import { docsPage } from '../../core/paths.ts';
import type { AccessKeyContext, AccessKeyRun, RotationStep } from '../context.ts';
import { formerRegistrations } from '../former-users.ts';
import { describeStored } from '../stored.ts';
import { secretNames } from '../../iam/names.ts';
import { firstRunFix } from '../../iam/users/diff.ts';
import { keyInCluster } from '../../external-secrets/pull-secret/objects.ts';
import { verifyEveryLevel } from '../../external-secrets/pull-secret/verify-levels.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import {
  clusterLabel,
  type ClusterRecord,
  contextInTag,
  forgetCommand,
  recordTag,
  tagKeyOf,
} from './records.ts';
import { type Registration, registrationIn, registrationTarget } from './register.ts';
import { isNewer, isVersion, newestRecordAbove, olderVersionTexts, ownMinorVersion } from './version.ts';

export type RegistrationWork =
  /** Records the cluster's key in its registration. `keepsKey`: records only the version, and verifies nothing. */
  | { readonly does: 'register'; readonly keepsKey: boolean }
  | { readonly does: 'deregister' }
  /** Removes the registration in a secret of earlier settings. */
  | { readonly does: 'deregisterFormer'; readonly secret: string };

export type RegistrationChange = ChangeWith<RegistrationWork>;

export interface RegistrationState extends Registration {
  /** The ID of the access key in the cluster. */
  readonly keyId: string | undefined;
  /** AWS has the secret that registers clusters. */
  readonly isProjectSetUp: boolean;
  /** The secret is scheduled for deletion, so AWS does not remove its tags. They are deleted with it. */
  readonly isFrozen: boolean;
  /** Names of the secrets of earlier settings in which the cluster is also registered. */
  readonly former: readonly string[];
}

/** The name of the step, which the rotation uses too. */
export const registrationStep = {
  id: 'registration',
  title: 'cluster registration',
  group: 'aws',
  topic: 'access-key',
  needs: ['aws', 'cluster'],
} as const;

export function diffRegistration(state: RegistrationState): Diff<RegistrationChange> {
  const findings = limitFindings(state);
  const changes = [...changesOf(state, ownMinorVersion()), ...formerDeregistrations(state.former)];
  return { changes: findings.length > 0 ? [] : changes, findings };
}

/**
 * Tolerates failures, because later steps do not need the registration. The step that creates the copies reports
 * namespaces that reject their token.
 */
export async function applyRegistration(
  changes: readonly RegistrationChange[],
  { id, record, isFrozen }: RegistrationState,
  run: AccessKeyRun,
): Promise<Outcome[]> {
  const how = { verify: verifyEveryLevel, version: ownMinorVersion() };
  return tolerating(await applyOne(changes, id, isFrozen ? undefined : record, run, how));
}

export async function registrationHealth(
  state: RegistrationState,
  { cluster, config }: AccessKeyContext,
): Promise<Finding[]> {
  const { records, record, keyId } = state;
  const { context } = await cluster.info();
  return [
    ...versionFindings(records),
    // Before a cluster gets anything, it is registered.
    ...(record || keyId !== undefined ? [] : [notSetUp(state, context, config.project)]),
    ...(record?.verification === 'verified' ? [registeredFinding(record, { context })] : []),
  ];
}

const notSetUp = ({ id, isProjectSetUp }: RegistrationState, context: string, project: string): Finding =>
  finding('not-set-up', {
    target: registrationTarget(id),
    what: `cluster ${context} is not set up for project ${project}`,
    why: isProjectSetUp
      ? 'it is not registered, and has no access key'
      : 'there is no access key, neither in AWS nor in the cluster',
    hint: isProjectSetUp ? 'Run `ecr-bootstrap up`.' : firstRunFix,
  });

export function removeRegistration(
  state: RegistrationState,
  { config }: AccessKeyContext,
): Diff<RegistrationChange> {
  const { changes, findings } = deregistration(state, secretNames(config).id);
  return { changes: [...changes, ...formerDeregistrations(state.former)], findings };
}

/** For a rotation, which has verified every level. It keeps the recorded version, because it configures only the key. */
export const registrationAfterRotation: Pick<
  RotationStep<RegistrationState, RegistrationChange>,
  'observe' | 'diff' | 'apply'
> = {
  observe: observeRegistration,
  diff: (state) => ({ changes: changesOf(state, state.record?.version), findings: [] }),
  apply: (changes, { id, record }, run) =>
    applyOne(changes, id, record, run, {
      verify: () => Promise.resolve(),
      version: record?.version ?? ownMinorVersion(),
    }),
};

export async function observeRegistration(ctx: AccessKeyContext): Promise<RegistrationState> {
  const [id, keyId, stored] = await Promise.all([
    clusterId(ctx.cluster),
    keyInCluster(ctx.cluster),
    describeStored(ctx),
  ]);
  const former = await formerRegistrations(ctx, id);
  return {
    ...registrationIn(secretNames(ctx.config).id, id, stored.id?.tags),
    keyId,
    isProjectSetUp: stored.id !== undefined,
    isFrozen: stored.id?.deleted === true,
    former: former.map(({ name }) => name),
  };
}

/** Whether this cluster has an access key and is registered. Both are false when they cannot be read. */
export async function registrationHere(
  ctx: AccessKeyContext,
): Promise<{ readonly isHolding: boolean; readonly isRegistered: boolean }> {
  try {
    const { keyId, record } = await observeRegistration(ctx);
    return { isHolding: keyId !== undefined, isRegistered: record !== undefined };
  } catch (error) {
    if (error instanceof BootstrapError) return { isHolding: false, isRegistered: false };
    throw error;
  }
}

/** @param version the version that configures the cluster in this run; a newer recorded version is kept */
function changesOf(
  { id, keyId, record }: RegistrationState,
  version: string | undefined,
): RegistrationChange[] {
  const target = registrationTarget(id);
  const fields: Field[] = [];
  if (record && keyId !== undefined && record.keyId !== keyId) {
    fields.push({ path: 'key', from: record.keyId, to: keyId });
  }
  if (record?.verification !== 'verified') {
    fields.push({ path: 'verified', ...(record ? { from: false } : {}), to: true });
  }
  const keepsKey = fields.length === 0;
  if (record && version !== undefined && (isNewer(version, record.version) || !isVersion(record.version))) {
    fields.push({ path: 'version', from: record.version, to: version });
  }
  if (fields.length === 0) return [];
  return [
    {
      action: 'update',
      target,
      fields,
      ...(record ? reasonOf(record) : {}),
      payload: { does: 'register', keepsKey },
    },
  ];
}

/** `status` shows this text too, as drift. */
function reasonOf({ keyId, verification }: ClusterRecord): Pick<Change, 'reason'> {
  if (verification === 'verified') return {};
  return {
    reason: `a run stopped before every namespace had a token of access key ${keyId}; \`rotate\` keeps old keys enabled until \`up\` verifies this`,
  };
}

/** A cluster that was restored from another cluster's etcd snapshot has the same ID and shares its registration. */
function registeredFinding(record: ClusterRecord, { context }: { readonly context: string }): Finding {
  const isOther = record.name !== contextInTag(context);
  return finding('ok', {
    target: registrationTarget(record.id),
    what: `registered as ${clusterLabel(record)}, with access key ${record.keyId}`,
    why: isOther
      ? `this kubeconfig calls it ${context}: it has several names, or one of two clusters was restored from the other's etcd snapshot`
      : 'every namespace had a token of this key',
    hint: isOther
      ? `Give a restored copy its own project: see ${docsPage('tasks/several-clusters.md#a-copy-of-a-cluster')}`
      : 'Nothing to do.',
  });
}

function limitFindings({ id, limit }: RegistrationState): Finding[] {
  if (!limit) return [];
  return [finding('registration-full', { target: registrationTarget(id), ...limit, blocking: true })];
}

function versionFindings(records: readonly ClusterRecord[]): Finding[] {
  const newer = newestRecordAbove(ownMinorVersion(), records);
  if (!newer) return [];
  return [finding('version-older', { target: registrationTarget(newer.id), ...olderVersionTexts(newer) })];
}

function applyOne(
  changes: readonly RegistrationChange[],
  id: string,
  record: ClusterRecord | undefined,
  run: AccessKeyRun,
  { verify, version }: { readonly verify: (run: AccessKeyRun) => Promise<unknown>; readonly version: string },
): Promise<Outcome[]> {
  const { aws, cluster, clock, config } = run.ctx;
  const secret = secretNames(config).id;
  const isOfFormer = ({ payload }: RegistrationChange): boolean => payload.does === 'deregisterFormer';
  const isMoved = changes.some(isOfFormer);
  const isMovedEarlier = record && changes.every(isOfFormer);
  return inOrder(changes, run, async ({ payload }) => {
    if (payload.does === 'deregisterFormer') {
      // The earlier key is in use until every namespace has a token of the new one.
      if (isMovedEarlier) await verify(run);
      return aws.secrets.untag(payload.secret, [tagKeyOf(id)]);
    }
    if (payload.does === 'deregister') return aws.secrets.untag(secret, [tagKeyOf(id)]);
    const { context: name } = await cluster.info();
    const isVerified = record?.verification === 'verified' && payload.keepsKey;
    // Read before the verification, which does not cover a key that the operator reads meanwhile.
    const keyId = isVerified ? record.keyId : await keyInCluster(cluster);
    if (keyId === undefined) throw noKeyYet;
    // If the key is the first one, there are no tokens of an earlier key.
    const isFirst = record?.verification === 'first' && record.keyId === keyId;
    if ((!isVerified && !isFirst) || isMoved) await verify(run);
    await aws.secrets.tag(
      secret,
      recordTag({ id, keyId, verification: 'verified', name, version }, clock.now()),
    );
  });
}

/** @param secrets names of secrets of earlier settings */
const formerDeregistrations = (secrets: readonly string[]): RegistrationChange[] =>
  secrets.map((secret) => ({
    action: 'delete',
    target: { kind: 'former cluster registration', name: secret },
    fields: [],
    reason: 'the cluster is registered with another image puller',
    payload: { does: 'deregisterFormer', secret },
  }));

/** @param secret name of the secret that holds the registration */
function deregistration(
  { id, record, isFrozen }: RegistrationState,
  secret: string,
): Diff<RegistrationChange> {
  if (!record) return { changes: [], findings: [] };
  const target = registrationTarget(id);
  if (!isFrozen) {
    const change = { action: 'delete', target, fields: [], payload: { does: 'deregister' } } as const;
    return { changes: [change], findings: [] };
  }
  return {
    changes: [],
    findings: [
      finding('left-behind', {
        target,
        what: 'the registration of this cluster is kept',
        why: `it is a tag of secret ${secret}, which is scheduled for deletion; AWS deletes both together`,
        hint: `If the secret is restored, for example by \`ecr-bootstrap up\` for another cluster, run: \`${forgetCommand(secret, record)}\`.`,
      }),
    ],
  };
}

const noKeyYet = new BootstrapError({
  code: 'not-ready',
  what: 'could not register this cluster',
  why: 'it has no access key yet',
  hint: 'Run `ecr-bootstrap up` with all its steps.',
});
