import type { Tags } from '../../aws/port.ts';
import { tags as tagKeys } from '../ownership.ts';

/** How a cluster of the project has put itself on record: as a tag of the secret that holds the key's id. */
export interface ClusterRecord {
  /** The uid of its namespace kube-system: clusters have no name of their own. */
  readonly id: string;
  /** The access key of which every namespace there had a token. */
  readonly keyId: string;
  /** When it was recorded, in ISO 8601. */
  readonly since: string;
  /** The kubeconfig's context there, for people. */
  readonly name: string;
  /** The major and minor version of this program that configured it: `0.2`. As written if that is no version. */
  readonly version: string;
}

/** Version 0.1 wrote no version. */
const firstVersion = '0.1';

/** Milliseconds since the epoch as `since`; AWS takes few characters in tags, and 256 of them. */
export function recordTag({ id, keyId, name, version }: Omit<ClusterRecord, 'since'>, now: number): Tags {
  const text = name.replace(/[^\w.:/=+@-]/g, '-').slice(0, 100);
  return { [tagKeyOf(id)]: `${keyId} ${new Date(now).toISOString()} ${text} ${version}` };
}

export const tagKeyOf = (id: string): string => `${tagKeys.cluster}/${id}`;

/** All clusters on record. */
export function recordsIn(tags: Tags = {}): ClusterRecord[] {
  const prefix = tagKeyOf('');
  return Object.entries(tags)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => {
      const [keyId = '', since = '', name = '', written = ''] = value.split(' ');
      const [version = written || firstVersion] = /^\d+\.\d+(?![^.+-])/.exec(written) ?? [];
      return { id: key.slice(prefix.length), keyId, since, name, version };
    });
}

/** `kubernetes-admin@prod (6f1c0b1e), since 2026-01-31`. */
export const describeRecord = ({ id, name, since }: ClusterRecord): string =>
  `${name} (${id.slice(0, 8)}), since ${since.slice(0, 10)}`;

/** What takes a cluster off the record that is gone without `down`. */
export const forgetCommand = (secret: string, { id }: ClusterRecord): string =>
  `aws secretsmanager untag-resource --secret-id ${secret} --tag-keys ${tagKeyOf(id)}`;

/** Of one resource: AWS General Reference, "Tag limits and requirements". */
const mostTags = 50;

/** Why a further cluster cannot be registered, before AWS refuses the tag; undefined while there is room. */
export function fullBecauseOfTags(secret: string, tags: Tags, id: string): RegistrationLimit | undefined {
  if (tagKeyOf(id) in tags || Object.keys(tags).length < mostTags) return undefined;
  const [oldest] = recordsIn(tags).sort((one, other) => (one.since < other.since ? -1 : 1));
  return {
    what: `secret ${secret} has no room for the registration of another cluster`,
    why: `AWS allows ${mostTags} tags, and each cluster of the project needs one: ${recordsIn(tags).length} are registered`,
    hint: `Remove a cluster that no longer exists, the oldest for example${
      oldest ? ` (${describeRecord(oldest)}): ${forgetCommand(secret, oldest)}` : ''
    }. Or use another project for this cluster.`,
  };
}

export interface RegistrationLimit {
  readonly what: string;
  readonly why: string;
  readonly hint: string;
}
