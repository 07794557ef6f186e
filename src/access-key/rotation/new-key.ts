import { utcTime } from '../../core/duration.ts';
import { type Finding, finding } from '../../core/findings.ts';
import type { RotationStep } from '../context.ts';
import { applyKey } from '../apply.ts';
import { classify, retiredAt } from '../classify.ts';
import { keyTarget } from '../../iam/users/targets.ts';
import { diffKey, maxKeys } from '../diff.ts';
import { stepsAfterNewKey } from '../next-steps.ts';
import { secretTarget } from '../secrets.ts';
import type { KeyChange, ObservedKey } from '../state.ts';
import { secretParts } from '../stored.ts';
import { type ObserveRotation, retiredKeys, type Rotation } from './state.ts';

/** Creates the new key with the protocol of the first key, or completes an interrupted creation. */
export function newKey(observe: ObserveRotation): RotationStep<Rotation, KeyChange> {
  return {
    id: 'image-puller-key',
    title: 'a new access key of the image puller',
    group: 'aws',
    topic: 'access-key',
    needs: ['aws'],
    readsLag: true,
    observe,
    diff: (rotation) => {
      const { changes, findings: keyFindings } = diffKey(rotation.key);
      const findings = [
        ...keyFindings.filter(({ code }) => code !== 'key-unfinished'),
        ...repairFindings(rotation),
        ...rotation.blockedBy.map((key) => blockedFinding(key, rotation)),
      ];
      if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
      if (!rotation.isNew) return { changes, findings };
      // The tag of an interrupted run also protects the key that is created now. That creation removes the tag.
      const before = changes.filter(({ payload }) => payload.does !== 'changeUser');
      return { changes: [...before, creation(rotation)], findings };
    },
    apply: (changes, { key }, run) => applyKey(changes, key, run, { mustCreate: true }),
    nextSteps: stepsAfterNewKey,
  };
}

const repairFirst =
  'Run `ecr-bootstrap up`, which repairs this, then `ecr-bootstrap rotate`. If a key has leaked, run `ecr-bootstrap rotate --force` instead.';

/** Only a completed repair shows which key to replace, so no plan can include both. */
function repairFindings({ key, outgoing }: Rotation): Finding[] {
  const situation = classify(key);
  const hidden = secretParts.filter((part) => key.stored[part]?.deleted).map((part) => key.names[part]);
  const base = {
    level: 'failed',
    target: secretTarget(hidden[0] ?? key.names.id),
    blocking: true,
  } as const;
  if (hidden.length > 0) {
    const are = hidden.length > 1 ? 'are' : 'is';
    return [
      finding('key-unknown', {
        ...base,
        what: `${hidden.join(', ')} ${are} scheduled for deletion`,
        why: 'AWS does not show the value of such a secret, so it is unknown which access key to replace',
        hint: repairFirst,
      }),
    ];
  }
  const { next } = situation;
  const isMismatched =
    next === 'restore' ||
    (next === 'verify' && situation.unverified.version === undefined) ||
    // Otherwise an earlier rotation was interrupted before it made this pair current.
    (next === 'promote' && outgoing.length === 0 && !key.creating);
  if (!isMismatched) return [];
  return [
    finding('key-pair-mismatch', {
      ...base,
      what: 'the stored access key pair is incomplete, or its values do not match',
      why: 'one of the three secrets is new, or they were not written together',
      hint: repairFirst,
    }),
  ];
}

const creation = ({ key, outgoing }: Rotation): KeyChange => ({
  action: 'create',
  target: keyTarget(key.userName),
  fields: [],
  reason: `replaces ${outgoing.map(({ id }) => id).join(', ')}`,
  grants: true,
  payload: { does: 'provideKey' },
});

/** A new key needs a place in addition to the key that it replaces. */
function blockedFinding(one: ObservedKey, { key }: Rotation): Finding {
  const target = keyTarget(one.id);
  if (retiredKeys(key).includes(one)) {
    const until = utcTime(retiredAt(one, key, classify(key).pair));
    return finding('key-kept', {
      target,
      what: `no new key is created: the last rotation disabled ${one.id}, which is kept until ${until}`,
      why: `its tokens may still be in use, and IAM allows a user ${maxKeys} access keys`,
      hint: 'Run `ecr-bootstrap rotate` again after that. If a key has leaked, run `ecr-bootstrap rotate --force` now.',
    });
  }
  return finding('key-limit', {
    target,
    what: `IAM user ${key.userName} has access key ${one.id}, which ecr-bootstrap does not manage`,
    why: `IAM allows ${maxKeys} access keys, which the current key and the new key need`,
    hint: `If it is not used, delete it: \`aws iam delete-access-key --user-name ${key.userName} --access-key-id ${one.id}\`.`,
    blocking: true,
  });
}
