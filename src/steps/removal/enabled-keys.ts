import { type Change, type Finding, inOrder } from '../../plan/index.ts';
import type { Context, Step } from '../context.ts';
import { removableKeys, unknownKeys } from '../image-puller-key/classify.ts';
import { keyTarget, removalBlockedBy } from '../image-puller-key/diff.ts';
import { clusterId } from '../registration/cluster-id.ts';
import { type ClusterRecord, describeRecord, forgetCommand, recordsIn } from '../registration/records.ts';
import { userTarget } from '../users/targets.ts';
import { observeKey, type KeyState, type ObservedKey } from '../image-puller-key/state.ts';

interface EnabledKeys {
  readonly key: KeyState;
  /** On record. */
  readonly clusters: readonly ClusterRecord[];
  readonly others: ReadonlyMap<string, number | undefined>;
}

/**
 * Comes first when something in AWS is to go: refuses while another cluster uses the key. Then disables it, so that a
 * run that goes on after an interruption sees that this was decided, when nothing in the cluster can tell it any more.
 * @param disables whether the keys are to go, and not only what they give access to
 * @param forgets whether the secrets are to go, which show what keys are managed
 */
export function enabledKeys(
  usesOf: (ctx: Context) => Promise<ReadonlyMap<string, number | undefined>>,
  disables: boolean,
  forgets: boolean,
): Step<EnabledKeys> {
  return {
    id: 'enabled-keys',
    title: 'access keys of the image puller that work',
    needs: ['aws', 'cluster'],
    rights: [{ apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['list'] }],
    observe: async (ctx) => {
      const others = await usesOf(ctx);
      const [key, here] = await Promise.all([observeKey(ctx), clusterId(ctx.cluster)]);
      return { others, key, clusters: recordsIn(key.stored.id?.tags).filter(({ id }) => id !== here) };
    },
    diff: ({ key, others, clusters }) => {
      const enabled = removableKeys(key).filter(({ active }) => active);
      const findings = [
        ...clusters.map((record) => stillRegistered(record, key)),
        ...(disables || forgets ? unknownKeys(key).map((one) => removalBlockedBy(one, key)) : []),
        ...(forgets && !disables ? removableKeys(key).map((one) => forgotten(one, key)) : []),
        ...enabled.flatMap((one) => usedElsewhere(one, key.userName, others.get(one.id))),
      ];
      return { changes: disables && findings.length === 0 ? enabled.map(disabling) : [], findings };
    },
    apply: (changes, { key }, run) =>
      inOrder(changes, run, ({ target }) =>
        run.ctx.aws.iam.setAccessKeyActive(key.userName, target.name, false),
      ),
  };
}

const forgotten = ({ id }: ObservedKey, { userName }: KeyState): Finding => ({
  level: 'failed',
  code: 'key-in-use',
  target: keyTarget(id),
  what: `could not delete the secrets: IAM user ${userName} has access key ${id}`,
  why: 'without the secrets, ecr-bootstrap cannot know that it manages the key, and would never delete it',
  hint: 'Remove both: `ecr-bootstrap down --aws --delete-secrets`.',
  blocking: true,
});

const disabling = ({ id }: ObservedKey): Change => ({
  action: 'update',
  target: keyTarget(id),
  fields: [{ path: 'status', from: 'Active', to: 'Inactive' }],
  grants: true,
});

const stillRegistered = (record: ClusterRecord, { userName, names }: KeyState): Finding => ({
  level: 'failed',
  code: 'key-in-use',
  target: userTarget(userName),
  what: `another cluster uses the project: ${describeRecord(record)}`,
  why: 'it is on record, and its pods pull with what would be taken away',
  hint: `Run \`ecr-bootstrap down\` there first. If it is gone: \`${forgetCommand(names.id, record)}\`.`,
  blocking: true,
});

function usedElsewhere({ id }: ObservedKey, user: string, used: number | undefined): Finding[] {
  if (used === undefined) return [];
  return [
    {
      level: 'failed',
      code: 'key-in-use',
      target: keyTarget(id),
      what: `something other than this cluster uses access key ${id}`,
      why: `it was used at ${new Date(used).toISOString()}: by another cluster of the project, or by a run of ecr-bootstrap`,
      hint: `Run \`ecr-bootstrap down\` for the other clusters and come back a day later. When you are sure that none is left, disable the key, which can be undone, and run the same command again: \`aws iam update-access-key --user-name ${user} --access-key-id ${id} --status Inactive\`.`,
      blocking: true,
    },
  ];
}
