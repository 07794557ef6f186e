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
 * Comes first when something in AWS is removed: refuses while another cluster is registered. Then disables the key, so
 * that a later run which resumes the removal knows that it was decided.
 */
export const enabledKeys = (removal: KeyRemoval): Step<EnabledKeys, ChangeWith<KeyRevocation>> => ({
  id: 'enabled-keys',
  title: 'access keys of the image puller that work',
  needs: ['aws', 'cluster'],
  readsLag: true,
  observe: observeEnabledKeys,
  diff: (state) => diffEnabledKeys(state, removal),
  apply: disableKeys,
});
