import {
  diffEnabledKeys,
  disableKeys,
  type EnabledKeys,
  type KeyRemoval,
  observeEnabledKeys,
} from '../access-key/enabled-keys.ts';
import type { KeyRevocation } from '../access-key/state.ts';
import type { ChangeWith } from '../core/step.ts';
import type { Step } from './context.ts';

/**
 * The first step of a removal in AWS. It refuses the removal while another cluster is registered. Then it
 * disables the key, so that a later run that resumes the removal knows that the decision was made.
 */
export const enabledKeys = (removal: KeyRemoval): Step<EnabledKeys, ChangeWith<KeyRevocation>> => ({
  id: 'enabled-keys',
  title: 'access keys of the image puller that work',
  group: 'aws',
  topic: 'access-key',
  needs: ['aws', 'cluster'],
  readsLag: true,
  observe: observeEnabledKeys,
  diff: (state) => diffEnabledKeys(state, removal),
  apply: disableKeys,
});
