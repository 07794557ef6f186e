import type { Change, Diff } from '../../plan/index.ts';
import { isOurs } from './classify.ts';
import { keyTarget } from './diff.ts';
import { isForeign, secretTarget } from './secrets.ts';
import type { KeyState } from './state.ts';
import { parts } from './stored.ts';

/** The keys that are ours, and the secrets, which can be restored for a while. */
export function removeKey(state: KeyState): Diff {
  const keys = state.keys.filter((key) => isOurs(key, state));
  const secrets = parts.flatMap((part) => {
    const info = state.stored[part];
    return info && !info.deleted && !isForeign(info, state) ? [info.name] : [];
  });
  return {
    changes: [
      ...keys.map(({ id }): Change => ({
        action: 'delete',
        target: keyTarget(id),
        fields: [],
        grants: true,
      })),
      ...secrets.map((name): Change => ({
        action: 'delete',
        target: secretTarget(name),
        fields: [],
        reason: 'it can be restored for 30 days',
      })),
    ],
    findings: [],
  };
}
