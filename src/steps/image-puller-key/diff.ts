import { type Change, type Diff, type Finding, knownAfterApply, type Target } from '../../plan/index.ts';
import { adopting, nobody } from '../adoption.ts';
import { tags as tagKeys } from '../ownership.ts';
import { compareTags } from '../tags.ts';
import { userTarget } from '../users/targets.ts';
import {
  classify,
  disabledKey,
  foreignKeys,
  lingeringKeys,
  uselessKeys,
  type Situation,
} from './classify.ts';
import { secretChanges, secretFindings, secretTarget } from './secrets.ts';
import type { KeyState, ObservedKey } from './state.ts';
import { holderOf, parts } from './stored.ts';

/** IAM's own limit of access keys of a user. */
export const mostKeys = 2;

/** @param name of the user for a key that is to be made, else the key's id */
export const keyTarget = (name: string): Target => ({ kind: 'IAM access key', name });

export function diffKey(state: KeyState): Diff {
  const situation = classify(state);
  const findings = [...userFindings(state), ...secretFindings(state), ...keyFindings(state, situation)];
  if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
  return {
    changes: [
      ...userAdoption(state),
      ...secretChanges(state),
      ...uselessKeys(state, situation).map(deletion),
      ...changesTowards(situation, state),
      ...unmarking(situation, state),
    ],
    findings,
  };
}

const deletion = ({ id, active, isStored }: ObservedKey): Change => ({
  action: 'delete',
  target: keyTarget(id),
  fields: [],
  reason: deletionReason(active, isStored),
  grants: true,
});

function deletionReason(active: boolean, isStored: boolean): string {
  if (!active) return 'it is disabled';
  return isStored ? 'it does not work' : 'an earlier run stopped before it was stored';
}

function changesTowards(situation: Situation, state: KeyState): Change[] {
  switch (situation.next) {
    case 'settled':
      return [];
    case 'make':
      return [{ action: 'create', target: keyTarget(state.userName), fields: [], grants: true }];
    case 'hidden':
      return [
        {
          action: 'update',
          target: keyTarget(state.userName),
          fields: [],
          reason: 'proved again, or made anew, once its secrets can be read',
          grants: true,
        },
      ];
    case 'promote':
      return promotion(situation.pair.version ?? '', state);
    case 'restore':
      return parts.map((part) => ({
        action: 'update',
        target: secretTarget(state.names[part]),
        fields: [{ path: 'version', from: holderOf(state.stored[part], 'AWSCURRENT'), to: knownAfterApply }],
        reason: 'the three values work together and are of different writes; they are stored as one',
      }));
  }
}

function promotion(version: string, { stored, names, creating }: KeyState): Change[] {
  return parts
    .map((part) => ({ part, from: holderOf(stored[part], 'AWSCURRENT') }))
    .filter(({ from }) => from !== version)
    .map(({ part, from }) => ({
      action: 'update',
      target: secretTarget(names[part]),
      fields: [{ path: 'AWSCURRENT', ...(from ? { from } : {}), to: version }],
      ...(creating ? { reason: 'an earlier run stopped before it proved the new key' } : {}),
    }));
}

/** While a key is made the tag comes and goes with it; what stays is of a run that stopped. */
function unmarking({ next }: Situation, { creating, userName }: KeyState): Change[] {
  if (!creating || next === 'make' || next === 'hidden') return [];
  return [
    {
      action: 'update',
      target: userTarget(userName),
      fields: [{ path: `tags.${tagKeys.creating}`, from: creating.join(' ') || '-' }],
      reason: 'an earlier run stopped while it made the access key',
      grants: true,
    },
  ];
}

/** The step of the user comes first and does it; this one must not make a key for a user that is not ours. */
export function userAdoption({ user, owner, userName, tags }: KeyState): Change[] {
  if (!user || owner !== 'nobody') return [];
  const fields = compareTags(tags, user.tags);
  const change: Change = { action: 'update', target: userTarget(userName), fields, grants: true };
  return [adopting(change, { owner: nobody })];
}

export function userFindings({ user, owner, userName }: KeyState): Finding[] {
  if (!user || owner !== 'other') return [];
  return [
    {
      level: 'failed',
      code: 'user-foreign',
      target: userTarget(userName),
      what: `IAM user ${userName} exists and is not ours`,
      why: 'it bears the tags of another project or region, so no key is made for it',
      hint: 'Set users.imagePuller.name to another name, or see what the step image-puller says.',
      blocking: true,
    },
  ];
}

function keyFindings(state: KeyState, situation: Situation): Finding[] {
  const { userName } = state;
  const foreign = foreignKeys(state);
  const deleteCommand = ({ id }: ObservedKey): string =>
    `aws iam delete-access-key --user-name ${userName} --access-key-id ${id}`;
  if (situation.next === 'make' && foreign.length >= mostKeys) {
    return [
      {
        level: 'failed',
        code: 'key-limit',
        target: userTarget(userName),
        what: `IAM user ${userName} has ${foreign.length} access keys that are not ours`,
        why: `IAM allows ${mostKeys}, and none of these is in the secrets and works`,
        hint: `Delete one that nobody uses: ${foreign.map((key) => `\`${deleteCommand(key)}\``).join(' or ')}.`,
        blocking: true,
      },
    ];
  }
  return [
    ...foreign.map((key): Finding => ({
      level: 'warning',
      code: 'user-excess',
      target: keyTarget(key.id),
      what: `IAM user ${userName} has access key ${key.id}, which is not ours`,
      why: 'we neither stored nor made it, so it is not touched',
      hint: `Delete it if nobody uses it: \`${deleteCommand(key)}\`.`,
    })),
    ...disabledFinding(state, situation),
    ...lingeringKeys(state, situation).map((key): Finding => ({
      level: 'warning',
      code: 'key-unfinished',
      target: keyTarget(key.id),
      what: `access key ${key.id} is replaced and still works`,
      why: 'a rotation did not get to its end',
      hint: 'Run `ecr-bootstrap rotate`, which goes on.',
    })),
  ];
}

/** Without a working key the cluster cannot renew its tokens. */
function disabledFinding(state: KeyState, { next }: Situation): Finding[] {
  const key = next === 'make' ? disabledKey(state) : undefined;
  if (!key) return [];
  return [
    {
      level: 'failed',
      code: 'key-disabled',
      target: keyTarget(key.id),
      what: `the current access key, ${key.id}, is disabled, so pulls fail or will soon`,
      why: '`rotate --force` was interrupted before it created a new key, or the key was disabled by hand',
      hint: 'Run `ecr-bootstrap up`: it waits until AWS refuses the disabled key, then creates a new one. Never enable a leaked key again.',
    },
  ];
}
