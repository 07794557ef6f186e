import type { Change, Field } from '../core/step.ts';
import type { Target } from '../core/target.ts';
import type { AccessKey, Tags } from '../clients/aws/port.ts';
import type { Config } from '../config/schema.ts';
import { tagPrefix, tags as keys } from '../core/ownership.ts';

/** The tags of all managed AWS resources: project, region, and the configured tags. */
export function awsTags({ project, aws }: Config): Tags {
  return { ...aws.tags, [keys.project]: project, [keys.region]: aws.region };
}

/**
 * - `managed`: the resource has the tags of this project and region
 * - `other-project`: it is tagged for another project or region
 * - `unmanaged`: it has no project tag, so it was created by hand or with another tool
 */
export type Ownership = 'managed' | 'other-project' | 'unmanaged';

export function ownershipOf(actual: Tags, wanted: Tags): Ownership {
  if (actual[keys.project] === undefined) return 'unmanaged';
  const isSame = [keys.project, keys.region].every((key) => actual[key] === wanted[key]);
  return isSame ? 'managed' : 'other-project';
}

/** Whether ecr-bootstrap created the resource for this project and region, and did not adopt it. */
export const isCreatedHere = (actual: Tags, wanted: Tags): boolean =>
  ownershipOf(actual, wanted) === 'managed' && !isAdopted(actual);

/** The tags of an adopted resource. `down` removes them and keeps the resource. */
export const adoptedTags = (wanted: Tags): Tags => ({ ...wanted, [keys.adopted]: 'true' });

/** @param existing the user's access keys, which `down` keeps together with the user */
export const adoptedUserTags = (wanted: Tags, existing: readonly AccessKey[]): Tags => ({
  ...wanted,
  [keys.adopted]: keyIdsValue(existing),
});

/** The value of a tag that lists access key IDs. Some tools do not accept an empty value. */
export const keyIdsValue = (existing: readonly AccessKey[]): string =>
  existing.map(({ id }) => id).join(' ') || '-';

/** The keys of the tags that identify managed resources. */
export const markKeysIn = (tags: Tags = {}): string[] =>
  Object.keys(tags).filter((key) => key.startsWith(tagPrefix));

export const isAdopted = (tags: Tags = {}): boolean => tags[keys.adopted] !== undefined;

/** Desired tags that are missing or differ. Other tags are ignored. */
export function compareTags(wanted: Tags, actual: Tags): Field[] {
  return Object.entries(wanted)
    .filter(([key, value]) => actual[key] !== value)
    .map(([key, to]) => ({
      path: `tags.${key}`,
      ...(actual[key] === undefined ? {} : { from: actual[key] }),
      to,
    }));
}

/** The change of `down` for an adopted AWS resource: it removes only the tags of ecr-bootstrap. */
export const release = (target: Target, tags: Tags): Change => ({
  action: 'update',
  target,
  fields: markKeysIn(tags).map((key) => ({ path: `tags.${key}`, from: tags[key] })),
  reason: 'adopted, so it is kept',
});
