import { type Finding, finding } from '../core/findings.ts';
import type { Step } from './context.ts';
import { applyKey } from '../access-key/apply.ts';
import { classify } from '../access-key/classify.ts';
import { keyTarget } from '../iam/users/targets.ts';
import { diffKey } from '../access-key/diff.ts';
import { waitUntilVerified } from '../access-key/verify.ts';
import { stepsAfterNewKey } from '../access-key/next-steps.ts';
import { removeKey } from '../access-key/remove.ts';
import { type KeyChange, type KeyState, observeKey, type ObservedKey } from '../access-key/state.ts';

/** Days after which `status` recommends a rotation. */
const maxAgeDays = 90;

const dayMs = 86_400_000;

/** The access key with which the cluster gets its tokens, stored in the three secrets that the operator reads. */
export const imagePullerKey: Step<KeyState, KeyChange> = {
  id: 'image-puller-key',
  title: 'access key of the image puller',
  group: 'aws',
  topic: 'access-key',
  needs: ['aws'],
  readsLag: true,
  observe: observeKey,
  diff: diffKey,
  apply: applyKey,
  removesFromAws: ['identities', 'secrets'],
  remove: (state, _, scope) => removeKey(state, scope),
  nextSteps: stepsAfterNewKey,
  ready: async (state, run) => {
    const { pair } = classify(state);
    // If the key lacks permissions, wait until the policy that an earlier step of this run repaired takes effect.
    if (pair?.verdict === 'denied') await waitUntilVerified(run, pair.pair);
  },
  health: (state) => Promise.resolve(ageFinding(state)),
  summary: (state) => {
    const key = currentKey(state);
    return key && { text: `access key ${daysText(key, state)} old` };
  },
};

function currentKey(state: KeyState): ObservedKey | undefined {
  const { pair } = classify(state);
  return state.keys.find(({ id }) => id === pair?.pair.accessKeyId);
}

/** Reports the age of the key, also when it is OK. */
function ageFinding(state: KeyState): Finding[] {
  const key = currentKey(state);
  if (!key) return [];
  const ageMs = Math.max(state.now - key.created, 0);
  const parts = {
    target: keyTarget(key.id),
    what: `access key ${key.id} is ${daysText(key, state)} old`,
    why: `access keys should be replaced every ${maxAgeDays} days`,
    ageSeconds: Math.floor(ageMs / 1000),
  };
  return [
    ageMs < maxAgeDays * dayMs
      ? finding('ok', { ...parts, hint: 'Nothing to do.' })
      : finding('key-old', { ...parts, hint: 'Run `ecr-bootstrap rotate`.' }),
  ];
}

function daysText({ created }: ObservedKey, { now }: KeyState): string {
  const days = Math.max(Math.floor((now - created) / dayMs), 0);
  return days === 1 ? '1 day' : `${days} days`;
}
