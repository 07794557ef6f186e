import { keyTarget, userTarget } from '../iam/users/targets.ts';
import { type Diff, knownAfterApply } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import { asAdoption, tags as tagKeys, unknownOwner } from '../core/ownership.ts';
import { compareTags } from '../iam/tags.ts';
import {
  classify,
  disabledKey,
  failedKeys,
  isUnfinished,
  type KeySituation,
  staleKeys,
  unknownKeys,
  unmanagedKeys,
} from './classify.ts';
import { secretChanges, secretFindings, secretTarget } from './secrets.ts';
import type { JudgedPair, KeyChange, KeyState, ObservedKey } from './state.ts';
import { holderOf, secretParts } from './stored.ts';

/** IAM's limit of access keys per user. */
export const maxKeys = 2;

export function diffKey(state: KeyState): Diff<KeyChange> {
  const situation = classify(state);
  const findings = [...userFindings(state), ...secretFindings(state), ...keyFindings(state, situation)];
  if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
  return {
    changes: [
      ...userAdoption(state),
      ...secretChanges(state),
      ...failedKeys(state, situation).map((key) => deletion(key, state)),
      ...changesTowards(situation, state),
      ...unmarking(situation, state),
    ],
    findings,
  };
}

const deletion = (key: ObservedKey, state: KeyState): KeyChange => ({
  action: 'delete',
  target: keyTarget(key.id),
  fields: [],
  reason: deletionReason(key, state),
  grants: true,
  payload: { does: 'deleteKey', id: key.id },
});

function deletionReason(key: ObservedKey, state: KeyState): string {
  if (!key.active) return 'it is disabled';
  if (key.isStored) return 'it does not work';
  return isUnfinished(key, state)
    ? 'an earlier run stopped before it was stored'
    : 'its secret access key is not stored';
}

function changesTowards(situation: KeySituation, state: KeyState): KeyChange[] {
  switch (situation.next) {
    case 'settled':
      return [];
    case 'make':
      return [
        {
          action: 'create',
          target: keyTarget(state.userName),
          label: state.userName,
          fields: [],
          grants: true,
          payload: { does: 'provideKey' },
        },
      ];
    case 'hidden':
      return [
        {
          action: 'update',
          target: keyTarget(state.userName),
          fields: [],
          reason: 'verified or replaced once its secrets can be read',
          grants: true,
          payload: { does: 'provideKey' },
        },
      ];
    case 'verify':
      return [verification(situation.unverified)];
    case 'promote':
      return promotion(situation.pair.version ?? '', state);
    case 'restore':
      return secretParts.map((part) => ({
        action: 'update',
        target: secretTarget(state.names[part]),
        fields: [{ path: 'version', from: holderOf(state.stored[part], 'AWSCURRENT'), to: knownAfterApply }],
        reason: 'the three values match but were written separately; they are stored as one version',
        payload: { does: 'updateSecret', part, storesPair: true },
      }));
  }
}

/** Only shown in plans: a run that applies changes has already verified the pair. */
const verification = ({ pair, verdict }: JudgedPair): KeyChange => ({
  action: 'update',
  target: keyTarget(pair.accessKeyId),
  fields: [],
  reason: `will be verified: ${verdict === 'unlisted' ? 'IAM does not list it' : 'its stored values do not match'}; if AWS refuses it, a new key is created`,
  grants: true,
  payload: { does: 'provideKey' },
});

function promotion(version: string, { stored, names, creating }: KeyState): KeyChange[] {
  return secretParts
    .map((part) => ({ part, from: holderOf(stored[part], 'AWSCURRENT') }))
    .filter(({ from }) => from !== version)
    .map(({ part, from }): KeyChange => ({
      action: 'update',
      target: secretTarget(names[part]),
      fields: [{ path: 'AWSCURRENT', ...(from ? { from } : {}), to: version }],
      ...(creating ? { reason: 'an earlier run stopped before it verified the new key' } : {}),
      payload: { does: 'updateSecret', part, promotes: { from, to: version } },
    }));
}

/** The creation of a key sets and removes the tag itself. A remaining tag is from an interrupted run. */
function unmarking({ next }: KeySituation, { creating, userName }: KeyState): KeyChange[] {
  if (!creating || next === 'make' || next === 'hidden' || next === 'verify') return [];
  return [
    {
      action: 'update',
      target: userTarget(userName),
      fields: [{ path: `tags.${tagKeys.creating}`, from: creating.join(' ') || '-' }],
      reason: 'an earlier run stopped while it created the access key',
      grants: true,
      payload: { does: 'changeUser', unmarks: true },
    },
  ];
}

/** The user's step normally adopts the user first. This step must not create a key for an unmanaged user. */
export function userAdoption({ user, ownership, userName, tags }: KeyState): KeyChange[] {
  if (!user || ownership !== 'unmanaged') return [];
  const fields = compareTags(tags, user.tags);
  const change: KeyChange = {
    action: 'update',
    target: userTarget(userName),
    fields,
    grants: true,
    payload: { does: 'changeUser' },
  };
  return [asAdoption(change, { owner: unknownOwner })];
}

export function userFindings({ user, ownership, userName }: KeyState): Finding[] {
  if (!user || ownership !== 'other-project') return [];
  return [
    finding('user-conflict', {
      target: userTarget(userName),
      what: `IAM user ${userName} already exists and is not managed by ecr-bootstrap`,
      why: 'it is tagged for another project or region, so no access key is created',
      hint: 'Set users.imagePuller.name to another name, or follow the findings of the step image-puller.',
      blocking: true,
    }),
  ];
}

function keyFindings(state: KeyState, situation: KeySituation): Finding[] {
  const { userName } = state;
  const unmanaged = unmanagedKeys(state);
  const unknown = unknownKeys(state);
  const others = [...unmanaged, ...unknown];
  if (situation.next === 'make' && others.length >= maxKeys) {
    return [
      finding('key-limit', {
        target: userTarget(userName),
        what: `IAM user ${userName} has ${others.length} access keys, so no other can be created`,
        why: `IAM allows ${maxKeys}, and no secret that the caller can read contains a working one of them`,
        hint: `${checkUse(others)} Delete one that is not used: ${others.map((key) => `\`${deleteCommand(key, state)}\``).join(' or ')}.`,
        blocking: true,
      }),
    ];
  }
  return [
    ...unmanaged.map((key): Finding =>
      finding('user-extra-access', {
        target: keyTarget(key.id),
        what: `IAM user ${userName} has access key ${key.id}, which is not managed by ecr-bootstrap`,
        why: 'ecr-bootstrap neither created nor stored it, so it does not change it',
        hint: `${checkUse([key])} If it is not used, delete it: \`${deleteCommand(key, state)}\`.`,
      }),
    ),
    ...unknown.map((key) => unknownFinding(key, state)),
    ...disabledFinding(state, situation),
    ...staleKeys(state, situation).map((key): Finding =>
      finding('key-unfinished', {
        target: keyTarget(key.id),
        what: `access key ${key.id} was replaced and still works`,
        why: 'a rotation did not finish',
        hint: 'Run `ecr-bootstrap rotate`, which resumes the rotation.',
      }),
    ),
  ];
}

const deleteCommand = ({ id }: ObservedKey, { userName }: KeyState): string =>
  `aws iam delete-access-key --user-name ${userName} --access-key-id ${id}`;

const checkUse = (keys: readonly ObservedKey[]): string =>
  `Check the last use: ${keys.map(({ id }) => `\`aws iam get-access-key-last-used --access-key-id ${id}\``).join(' and ')}.`;

/** Without the list of managed keys, a key that a cluster uses looks like any unmanaged key. */
function unknownFinding(key: ObservedKey, state: KeyState): Finding {
  const isDeleted = state.stored.id?.deleted === true;
  return finding('key-unknown', {
    target: keyTarget(key.id),
    what: `it is unknown whether ecr-bootstrap manages access key ${key.id} of IAM user ${state.userName}`,
    why: whyUnknown(state),
    hint: isDeleted
      ? 'Run `ecr-bootstrap up`, which restores the secret. Do not delete the key before.'
      : 'Run `ecr-bootstrap up`, or let the caller read the secret. Do not delete the key before.',
  });
}

function whyUnknown({ stored, names }: KeyState): string {
  const what = `secret ${names.id}, which lists the managed keys,`;
  return stored.id
    ? `${what} is scheduled for deletion`
    : `${what} does not exist, or the caller may not read it`;
}

/** Blocks a removal, because it is unknown whether the key must be deleted or kept. */
export function removalBlockedBy(key: ObservedKey, state: KeyState): Finding {
  const { stored, names } = state;
  const hint = stored.id
    ? `Restore the secret: \`aws secretsmanager restore-secret --secret-id ${names.id}\`.`
    : 'Let the caller read the secret.';
  return {
    ...unknownFinding(key, state),
    level: 'failed',
    hint: `${hint} Then run the same command again. If no cluster uses the key, you can delete it instead: \`${deleteCommand(key, state)}\`.`,
    blocking: true,
  };
}

/** Without a working key the cluster cannot renew its tokens. */
function disabledFinding(state: KeyState, { next }: KeySituation): Finding[] {
  const key = next === 'make' ? disabledKey(state) : undefined;
  if (!key) return [];
  return [
    finding('key-disabled', {
      target: keyTarget(key.id),
      what: `the current access key, ${key.id}, is disabled, so pulls fail or will soon`,
      why: '`rotate --force` was interrupted before it created a new key, or the key was disabled by hand',
      hint: 'Run `ecr-bootstrap up`: it waits until AWS refuses the disabled key, then creates a new one. Never enable a leaked key again.',
    }),
  ];
}
