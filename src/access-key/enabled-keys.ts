import { utcTime } from '../core/duration.ts';
import type { BootstrapError } from '../core/errors.ts';
import type { ChangeWith, Diff, Outcome } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import { inOrder } from '../core/members.ts';
import { nameOf } from '../core/target.ts';
import type { AccessKeyContext, AccessKeyRun } from './context.ts';
import { removableKeys, unknownKeys } from './classify.ts';
import { keyTarget, userTarget } from '../iam/users/targets.ts';
import { removalBlockedBy } from './diff.ts';
import { secretTarget } from './secrets.ts';
import { type OtherClusters, otherClusters } from './registration/other-clusters.ts';
import { clusterLabel, type ClusterRecord, forgetCommand } from './registration/records.ts';
import { type KeyRevocation, type KeyState, type ObservedKey, observeKey } from './state.ts';
import { disabling } from './rotation/old-key.ts';

export interface EnabledKeys extends OtherClusters {
  readonly key: KeyState;
  /** The last use of each enabled key, by key ID, in milliseconds since the epoch. */
  readonly lastUses: ReadonlyMap<string, number | undefined>;
}

/** What `down` removes in addition to the resources that the keys give access to. */
export interface KeyRemoval {
  /** The keys are disabled and deleted. */
  readonly disables: boolean;
  /** The secrets are deleted, which list the managed keys. */
  readonly forgets: boolean;
}

export async function observeEnabledKeys(ctx: AccessKeyContext): Promise<EnabledKeys> {
  const [key, others] = await Promise.all([observeKey(ctx), otherClusters(ctx)]);
  return { key, ...others, lastUses: await lastUsesOf(enabledIn(key), ctx) };
}

export function diffEnabledKeys(
  { key, lastUses, clusters, denied, hasLostTags }: EnabledKeys,
  { disables, forgets }: KeyRemoval,
): Diff<ChangeWith<KeyRevocation>> {
  const findings = [
    ...(denied ? [unknownClusters(denied)] : []),
    ...clusters.map((record) => stillRegistered(record, key)),
    ...(hasLostTags && removableKeys(key).length > 0 ? [lostRegistrations(key)] : []),
    ...(disables || forgets ? unknownKeys(key).map((one) => removalBlockedBy(one, key)) : []),
    ...(forgets && !disables ? removableKeys(key).map((one) => forgotten(one, key)) : []),
  ];
  const changes = enabledIn(key).map((one) => withLastUse(one, lastUses.get(one.id)));
  return { changes: disables && findings.length === 0 ? changes : [], findings };
}

export const disableKeys = (
  changes: readonly ChangeWith<KeyRevocation>[],
  { key: { userName } }: EnabledKeys,
  run: AccessKeyRun,
): Promise<Outcome[]> =>
  inOrder(changes, run, ({ payload }) => run.ctx.aws.iam.disableAccessKey(userName, payload.id));

const forgotten = ({ id }: ObservedKey, { userName }: KeyState): Finding =>
  finding('key-in-use', {
    target: keyTarget(id),
    what: `could not delete the secrets: IAM user ${userName} has access key ${id}`,
    why: 'without the secrets, ecr-bootstrap cannot know that it manages the key, and would never delete it',
    hint: 'Remove both: `ecr-bootstrap down --aws --delete-secrets`.',
    blocking: true,
  });

const enabledIn = (key: KeyState): ObservedKey[] => removableKeys(key).filter(({ active }) => active);

async function lastUsesOf(
  keys: readonly ObservedKey[],
  { aws }: AccessKeyContext,
): Promise<EnabledKeys['lastUses']> {
  return new Map(
    await Promise.all(keys.map(async ({ id }) => [id, await aws.iam.accessKeyLastUsed(id)] as const)),
  );
}

/** The last use is only informative, because it may be by this cluster. Registrations list the clusters. */
const withLastUse = (key: ObservedKey, lastUse: number | undefined): ChangeWith<KeyRevocation> => {
  const { action, target, fields, ...rest } = disabling(key);
  const reason = lastUse === undefined ? 'never used' : `last used ${utcTime(lastUse)}`;
  return { action, target, fields, reason, ...rest };
};

/** The tags are lost when all of them are removed, or the secret is recreated by hand. */
const lostRegistrations = ({ names }: KeyState): Finding =>
  finding('key-in-use', {
    target: secretTarget(names.id),
    what: `it is unknown which clusters use the project: secret ${names.id} has lost its tags`,
    why: 'each cluster is registered by a tag of this secret, and the pods of another one may pull with what this command would remove',
    hint: `Run \`ecr-bootstrap up --adopt '${nameOf(secretTarget(names.id))}'\` for each cluster of the project, which registers it again. Then run the same command again.`,
    blocking: true,
  });

/** Clusters with any image puller share the images of the project and its user for pushing. */
const unknownClusters = ({ why, hint }: BootstrapError): Finding =>
  finding('key-in-use', {
    target: { kind: 'step', name: 'enabled-keys' },
    what: 'it is unknown which clusters use the project: its secrets could not be listed',
    why,
    hint,
    blocking: true,
  });

const stillRegistered = (record: ClusterRecord, { userName, names }: KeyState): Finding =>
  finding('key-in-use', {
    target: userTarget(userName),
    what: `another cluster uses the project: ${clusterLabel(record)}`,
    why: 'it is registered, and its pods pull with what this command would remove',
    hint: `Run \`ecr-bootstrap down\` for it first. If it no longer exists: \`${forgetCommand(names.id, record)}\`.`,
    blocking: true,
  });
