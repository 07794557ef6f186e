import type { Tags } from '../aws/port.ts';
import type { Config } from '../config/schema.ts';
import type { Field } from '../plan/index.ts';
import { tags as keys } from './ownership.ts';

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
