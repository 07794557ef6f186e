import type { SecretInfo } from '../clients/aws/port.ts';
import type { Change, Diff } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import { isAdopted, release } from '../iam/tags.ts';
import { removableKeys } from './classify.ts';
import { keyTarget } from '../iam/users/targets.ts';
import { isUnmanaged, secretTarget } from './secrets.ts';
import type { KeyState } from './state.ts';
import { secretParts } from './stored.ts';
import { finding } from '../core/findings.ts';

/** The keys, and the secrets, which can be restored for a while. What was adopted stays. */
export function removeKey(state: KeyState): Diff {
  const keys = removableKeys(state);
  const found = secretParts.flatMap((part) => {
    const info = state.stored[part];
    return info && !info.deleted ? [info] : [];
  });
  const secrets = found.filter((info) => !isUnmanaged(info, state));
  return {
    changes: [
      ...keys.map(({ id }): Change => ({
        action: 'delete',
        target: keyTarget(id),
        fields: [],
        grants: true,
      })),
      ...secrets.map(({ name, tags }): Change =>
        isAdopted(tags)
          ? release(secretTarget(name), tags)
          : {
              action: 'delete',
              target: secretTarget(name),
              fields: [],
              reason: 'it can be restored for 30 days',
            },
      ),
    ],
    findings: found.filter((info) => isUnmanaged(info, state)).map(leftBehind),
  };
}

const leftBehind = ({ name }: SecretInfo): Finding =>
  finding('left-behind', {
    target: secretTarget(name),
    what: `secret ${name} is left`,
    why: 'it does not have the tags of this project and region',
    hint: `If nothing uses it, delete it: \`aws secretsmanager delete-secret --secret-id ${name}\`.`,
  });
