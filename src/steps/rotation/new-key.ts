import type { Change, Finding } from '../../plan/index.ts';
import type { Step } from '../context.ts';
import { applyKey } from '../image-puller-key/apply.ts';
import { classify, retiredAt } from '../image-puller-key/classify.ts';
import { diffKey, keyTarget, mostKeys } from '../image-puller-key/diff.ts';
import type { ObservedKey } from '../image-puller-key/state.ts';
import { type ObserveRotation, retiredKeys, type Rotation } from './state.ts';

/** Makes the new key by the protocol that makes the first one, or brings one that was begun to its end. */
export function newKey(observe: ObserveRotation): Step<Rotation> {
  return {
    id: 'image-puller-key',
    title: 'a new access key of the image puller, in Secrets Manager',
    needs: ['aws'],
    readsLag: true,
    observe,
    diff: (rotation) => {
      const { changes, findings: seen } = diffKey(rotation.key);
      const findings = [
        ...seen.filter(({ code }) => code !== 'key-unfinished'),
        ...rotation.inTheWay.map((key) => inTheWayFinding(key, rotation)),
      ];
      if (findings.some(({ blocking }) => blocking)) return { changes: [], findings };
      if (!rotation.begins) return { changes, findings };
      // The mark of a run that stopped protects the key that is made now; it goes with that.
      const before = changes.filter(({ target }) => target.kind !== 'IAM user');
      return { changes: [...before, creation(rotation)], findings };
    },
    apply: (changes, { key }, run) => applyKey(changes, key, run, { mustCreate: true }),
  };
}

const creation = ({ key, outgoing }: Rotation): Change => ({
  action: 'create',
  target: keyTarget(key.userName),
  fields: [],
  reason: `to take the place of ${outgoing.map(({ id }) => id).join(', ')}`,
  grants: true,
});

/** A new key needs a place beside the one that it replaces. */
function inTheWayFinding(one: ObservedKey, { key }: Rotation): Finding {
  const target = keyTarget(one.id);
  if (retiredKeys(key).includes(one)) {
    const until = new Date(retiredAt(one, key, classify(key).pair)).toISOString();
    return {
      level: 'warning',
      code: 'key-kept',
      target,
      what: `no new key is created: the last rotation disabled ${one.id}, which is kept until ${until}`,
      why: `its tokens may still be in use, and IAM allows a user ${mostKeys} access keys`,
      hint: 'Run `ecr-bootstrap rotate` again after that. If a key has leaked, run `ecr-bootstrap rotate --force` now.',
    };
  }
  return {
    level: 'failed',
    code: 'key-limit',
    target,
    what: `IAM user ${key.userName} has access key ${one.id}, which is not ours`,
    why: `IAM allows ${mostKeys} access keys, and the new one needs a place beside the current one`,
    hint: `Delete it if nobody uses it: \`aws iam delete-access-key --user-name ${key.userName} --access-key-id ${one.id}\`.`,
    blocking: true,
  };
}
