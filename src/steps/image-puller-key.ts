import { type Finding, finding } from '../core/findings.ts';
import type { Step } from './context.ts';
import { applyKey } from '../access-key/apply.ts';
import { classify } from '../access-key/classify.ts';
import { keyTarget } from '../iam/users/targets.ts';
import { diffKey } from '../access-key/diff.ts';
import { waitUntilVerified } from '../access-key/verify.ts';
import { stepsAfterNewKey } from '../access-key/next-steps.ts';
import { removeKey } from '../access-key/remove.ts';
import { type KeyChange, type KeyState, observeKey } from '../access-key/state.ts';

/** Days after which `status` recommends a rotation. */
const maxAgeDays = 90;

const dayMs = 86_400_000;

/** The access key with which the cluster gets its tokens, stored in the three secrets that the operator reads. */
export const imagePullerKey: Step<KeyState, KeyChange> = {
  id: 'image-puller-key',
  title: 'access key of the image puller, in Secrets Manager',
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
};

function ageFinding(state: KeyState): Finding[] {
  const { pair } = classify(state);
  const key = state.keys.find(({ id }) => id === pair?.pair.accessKeyId);
  const days = key ? Math.floor((state.now - key.created) / dayMs) : 0;
  if (!key || days < maxAgeDays) return [];
  return [
    finding('key-old', {
      target: keyTarget(key.id),
      what: `access key ${key.id} is ${days} days old`,
      why: `access keys should be replaced every ${maxAgeDays} days`,
      hint: 'Run `ecr-bootstrap rotate`.',
    }),
  ];
}
