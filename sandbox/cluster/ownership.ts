import { StatusError } from './errors.ts';
import { equal, fieldAt, isFields } from './objects.ts';
import type { Draft, KubeObject } from './objects.ts';

/**
 * Field ownership in the one case that the product can meet: the data of a Secret that the operator keeps in sync
 * belongs to the operator's field manager.
 */
export function refuseOperatorsFields(current: KubeObject, draft: Draft, manager: string): void {
  if (
    current.kind !== 'Secret' ||
    current.metadata.labels?.['reconcile.external-secrets.io/managed'] !== 'true'
  )
    return;
  const [stored, applied] = [fieldAt(current, ['data']), fieldAt(draft, ['data'])];
  if (!isFields(applied)) return;
  const fields = Object.keys(applied).filter((key) => !equal(applied[key], fieldAt(stored, [key])));
  if (fields.length === 0 || manager.startsWith('externalsecrets.external-secrets.io/')) return;
  const owner = `conflict with "externalsecrets.external-secrets.io/${current.metadata.name}" using v1`;
  const causes = fields.map((key) => ({
    reason: 'FieldManagerConflict',
    message: owner,
    field: `.data.${key}`,
  }));
  const count = fields.length === 1 ? '1 conflict' : `${fields.length} conflicts`;
  const message = `Apply failed with ${count}: ${owner}: ${fields.map((key) => `.data.${key}`).join(', ')}`;
  throw new StatusError(409, 'Conflict', message, { causes });
}
