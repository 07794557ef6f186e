import type { Change, Field } from '../core/step.ts';
import type { Target } from '../core/target.ts';
import type { AccessKey, Tags } from '../clients/aws/port.ts';
import type { Config } from '../config/schema.ts';
import { tagPrefix, tags as keys } from '../core/ownership.ts';

/** The tags of everything that we make in AWS: whose it is, and the configuration's own. */
export function awsTags({ project, aws }: Config): Tags {
  return { ...aws.tags, [keys.project]: project, [keys.region]: aws.region };
}

/** `nobody`: it bears no tag of ours, so somebody made it by hand or with another tool. */
export function ownershipOf(actual: Tags, wanted: Tags): 'ours' | 'other' | 'nobody' {
  if (actual[keys.project] === undefined) return 'nobody';
  const isOurs = [keys.project, keys.region].every((key) => actual[key] === wanted[key]);
  return isOurs ? 'ours' : 'other';
}

/** Created by this program for this project and region, and not adopted. */
export const isCreatedByUs = (actual: Tags, wanted: Tags): boolean =>
  ownershipOf(actual, wanted) === 'ours' && !isAdopted(actual);

/** For what existed before and is adopted: `down` removes these tags and keeps the rest. */
export const adoptedTags = (wanted: Tags): Tags => ({ ...wanted, [keys.adopted]: 'true' });

/** @param existing access keys, which `down` keeps with the user */
export const adoptedUserTags = (wanted: Tags, existing: readonly AccessKey[]): Tags => ({
  ...wanted,
  [keys.adopted]: keyIdsValue(existing),
});

/** A tag's value for the IDs of access keys. Some tools do not accept an empty one. */
export const keyIdsValue = (existing: readonly AccessKey[]): string =>
  existing.map(({ id }) => id).join(' ') || '-';

/** The keys of the tags by which this program knows what it manages. */
export const markKeysIn = (tags: Tags = {}): string[] =>
  Object.keys(tags).filter((key) => key.startsWith(tagPrefix));

export const isAdopted = (tags: Tags = {}): boolean => tags[keys.adopted] !== undefined;

/** Wanted tags that are missing or differ. Tags of others are let be. */
export function compareTags(wanted: Tags, actual: Tags): Field[] {
  return Object.entries(wanted)
    .filter(([key, value]) => actual[key] !== value)
    .map(([key, to]) => ({
      path: `tags.${key}`,
      ...(actual[key] === undefined ? {} : { from: actual[key] }),
      to,
    }));
}

/** What `down` does with an adopted resource of AWS: it existed before, so only the tags of this program are removed. */
export const release = (target: Target, tags: Tags): Change => ({
  action: 'update',
  target,
  fields: markKeysIn(tags).map((key) => ({ path: `tags.${key}`, from: tags[key] })),
  reason: 'adopted, so it is kept',
});
