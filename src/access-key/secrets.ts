import { mayBeSameKey } from '../clients/aws/kms-key.ts';
import type { SecretInfo, Tags } from '../clients/aws/port.ts';
import type { ChangeWith, Field } from '../core/step.ts';
import type { Target } from '../core/target.ts';
import { type Finding, finding } from '../core/findings.ts';
import { accessFindings } from '../iam/resource-access.ts';
import { asAdoption, unknownOwner } from '../core/ownership.ts';
import { compareTags, ownershipOf } from '../iam/tags.ts';
import type { KeyState, SecretWork } from './state.ts';
import { type SecretPart, secretParts } from './stored.ts';

export const secretTarget = (name: string): Target => ({ kind: 'AWS secret', name });

/** The changes that the secrets need, except for their values. */
export function secretChanges(state: KeyState): ChangeWith<SecretWork>[] {
  return secretParts.flatMap((part) => changeOf(state, part));
}

/** Creates a secret, or restores one that is scheduled for deletion. */
export const bringsBack = ({ payload: { does, restores } }: ChangeWith<SecretWork>): boolean =>
  does === 'createSecret' || restores === true;

/** The tags of one of the secrets. */
export const tagsOf = ({ tags, idTags }: KeyState, part: SecretPart): Tags => (part === 'id' ? idTags : tags);

function changeOf(state: KeyState, part: SecretPart): ChangeWith<SecretWork>[] {
  const { stored, names, kmsKeyId } = state;
  const tags = tagsOf(state, part);
  const info = stored[part];
  const target = secretTarget(names[part]);
  if (!info) {
    const fields = [...(kmsKeyId ? [{ path: 'kmsKeyId', to: kmsKeyId }] : []), ...compareTags(tags, {})];
    return [{ action: 'create', target, fields, payload: { does: 'createSecret', part } }];
  }
  const deletion: Field[] = info.deleted ? [{ path: 'deletion', from: 'scheduled' }] : [];
  const outdated = part === 'id' ? state.outdatedNotes : [];
  const fields = [
    ...deletion,
    ...compareTags(tags, info.tags),
    ...outdated.map((key) => ({ path: `tags.${key}`, from: info.tags[key] })),
  ];
  if (fields.length === 0) return [];
  const change: ChangeWith<SecretWork> = {
    action: 'update',
    target,
    fields,
    payload: { does: 'updateSecret', part, ...(info.deleted ? { restores: true } : {}) },
  };
  return [ownershipOf(info.tags, tags) === 'managed' ? change : asAdoption(change, { owner: unknownOwner })];
}

export function secretFindings(state: KeyState): Finding[] {
  return secretParts.flatMap((part) => {
    const info = state.stored[part];
    if (!info) return [];
    return [
      ...unmanagedSecretFinding(info, state),
      ...accessFindings(secretTarget(info.name), state.access[part]),
      ...encryptionFinding(info, state),
    ];
  });
}

export const isUnmanaged = (info: SecretInfo | undefined, { tags }: KeyState): boolean =>
  info !== undefined && ownershipOf(info.tags, tags) !== 'managed';

function unmanagedSecretFinding(info: SecretInfo, state: KeyState): Finding[] {
  if (ownershipOf(info.tags, state.tags) !== 'other-project') return [];
  const { name } = info;
  return [
    finding('secret-conflict', {
      target: secretTarget(name),
      what: `secret ${name} already exists and is not managed by ecr-bootstrap`,
      why: 'it is tagged for another project or region',
      hint: 'Set users.imagePuller.name to another name: the names of the secrets begin with it.',
      blocking: true,
    }),
  ];
}

/** Changing the KMS key of a secret needs rights on both keys, which the policies of ecr-bootstrap do not include. */
function encryptionFinding({ name, kmsKeyId }: SecretInfo, state: KeyState): Finding[] {
  const wanted = state.kmsKeyId;
  const target = secretTarget(name);
  if (wanted === undefined) {
    if (kmsKeyId === undefined) return [];
    return [
      finding('setting-kept', {
        target,
        what: `secret ${name} stays encrypted with ${kmsKeyId}`,
        why: 'secrets.kmsKeyId is not set, which does not change an existing secret',
        hint: `To use AWS's own key, have an administrator run \`aws secretsmanager update-secret --secret-id ${name} --kms-key-id alias/aws/secretsmanager\`.`,
      }),
    ];
  }
  if (kmsKeyId !== undefined && mayBeSameKey(wanted, kmsKeyId)) return [];
  return [
    finding('needs-administrator', {
      target,
      what: `secret ${name} is encrypted with ${kmsKeyId ?? "AWS's own key"}, not ${wanted}`,
      why: 'it was created with another key; the policies allow both keys until it is encrypted with the new one',
      hint: `Have an administrator run \`aws secretsmanager update-secret --secret-id ${name} --kms-key-id ${wanted}\`, then \`ecr-bootstrap up\`.`,
    }),
  ];
}
