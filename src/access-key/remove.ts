import type { SecretInfo } from '../clients/aws/port.ts';
import type { Diff, RemovalScope } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import { isAdopted, markKeysIn, release } from '../iam/tags.ts';
import { removableKeys } from './classify.ts';
import { keyTarget } from '../iam/users/targets.ts';
import { isUnmanaged, secretTarget } from './secrets.ts';
import type { KeyChange, KeyState } from './state.ts';
import { type SecretPart, secretParts } from './stored.ts';

/** Deletes the keys, and the secrets, which can be restored for 30 days. Adopted resources are kept. */
export function removeKey(state: KeyState, scope: RemovalScope): Diff<KeyChange> {
  const keys = scope.identities ? removableKeys(state) : [];
  const found = (scope.secrets ? secretParts : []).flatMap((part) => {
    const info = state.stored[part];
    return info && !info.deleted ? [{ part, info }] : [];
  });
  const secrets = found.filter(({ info }) => !isUnmanaged(info, state));
  return {
    changes: [
      ...keys.map(({ id }): KeyChange => ({
        action: 'delete',
        target: keyTarget(id),
        fields: [],
        grants: true,
        payload: { does: 'deleteKey', id },
      })),
      ...secrets.map(({ part, info }) => secretRemoval(part, info)),
    ],
    findings: found.filter(({ info }) => isUnmanaged(info, state)).map(({ info }) => leftBehind(info)),
  };
}

function secretRemoval(part: SecretPart, { name, tags }: SecretInfo): KeyChange {
  const target = secretTarget(name);
  if (isAdopted(tags)) {
    return {
      ...release(target, tags),
      payload: { does: 'releaseSecret', part, tagKeys: markKeysIn(tags) },
    };
  }
  return {
    action: 'delete',
    target,
    fields: [],
    reason: 'it can be restored for 30 days',
    payload: { does: 'deleteSecret', part },
  };
}

const leftBehind = ({ name }: SecretInfo): Finding =>
  finding('left-behind', {
    target: secretTarget(name),
    what: `secret ${name} is kept`,
    why: 'it does not have the tags of this project and region',
    hint: `If nothing uses it, delete it: \`aws secretsmanager delete-secret --secret-id ${name}\`.`,
  });
