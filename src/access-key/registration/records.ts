import type { Tags } from '../../clients/aws/port.ts';
import { tags as tagKeys } from '../../core/ownership.ts';

/** The registration of one cluster of the project: a tag of the secret that holds the key's ID. */
export interface ClusterRecord {
  /** The UID of its namespace kube-system, because clusters have no name of their own. */
  readonly id: string;
  /** The ID of the access key that the cluster has or is about to get. */
  readonly keyId: string;
  readonly verification: VerificationStatus;
  /** The time of the registration, in ISO 8601. */
  readonly since: string;
  /** The kubeconfig context of the run that registered the cluster, for display. */
  readonly name: string;
  /** The major and minor version of ecr-bootstrap that configured the cluster: `0.2`. Unchanged if it is no version. */
  readonly version: string;
}

/**
 * - `verified`: every namespace had a token of the key
 * - `unverified`: the key is being written into the cluster; tokens of an earlier key may still be in use there
 * - `first`: like `unverified`, in a cluster that had no key before, so there are no such tokens
 *
 * In the tag, it follows the key ID. An older version of ecr-bootstrap reads both parts as the ID of a key that is not
 * current. So it also waits for the cluster, and its `up` for the cluster verifies the registration.
 */
export type VerificationStatus = 'verified' | 'unverified' | 'first';

/** Version 0.1 did not record its version. */
const firstVersion = '0.1';

/** @param now milliseconds since the epoch. AWS allows few special characters in tags, and at most 255 characters. */
export function recordTag(
  {
    id,
    keyId,
    verification = 'verified',
    name,
    version,
  }: Omit<ClusterRecord, 'since' | 'verification'> & Partial<ClusterRecord>,
  now: number,
): Tags {
  const key = verification === 'verified' ? keyId : `${keyId}:${verification}`;
  return { [tagKeyOf(id)]: `${key} ${new Date(now).toISOString()} ${contextInTag(name)} ${version}` };
}

/** The name of a kubeconfig context, converted to the characters that tags allow. */
export const contextInTag = (name: string): string => name.replace(/[^\w.:/=+@-]/g, '-').slice(0, 100);

export const tagKeyOf = (id: string): string => `${tagKeys.cluster}/${id}`;

/** All registered clusters. */
export function recordsIn(tags: Tags = {}): ClusterRecord[] {
  const prefix = tagKeyOf('');
  return Object.entries(tags)
    .filter(([tag]) => tag.startsWith(prefix))
    .map(([tag, value]) => {
      const [key = '', since = '', name = '', written = ''] = value.split(' ');
      const [keyId = '', state] = key.split(':');
      const [version = written || firstVersion] = /^\d+\.\d+(?![^.+-])/.exec(written) ?? [];
      return {
        id: tag.slice(prefix.length),
        keyId,
        verification: verificationIn(state),
        since,
        name,
        version,
      };
    });
}

/** An unknown value, from a later version of ecr-bootstrap, counts as unverified. */
function verificationIn(text: string | undefined): VerificationStatus {
  if (text === undefined) return 'verified';
  return text === 'first' ? 'first' : 'unverified';
}

/** `kubernetes-admin@prod (6f1c0b1e), since 2026-01-31`. */
export const clusterLabel = ({ id, name, since, verification }: ClusterRecord): string =>
  `${name || 'without a name'} (${id.slice(0, 8)}), ${verification === 'verified' ? '' : 'not verified '}since ${since.slice(0, 10) || 'an unknown time'}`;

/** The command that unregisters a cluster that was destroyed without `down`. */
export const forgetCommand = (secret: string, { id }: ClusterRecord): string =>
  `aws secretsmanager untag-resource --secret-id ${secret} --tag-keys ${tagKeyOf(id)}`;

/** The limit per resource: AWS General Reference, "Tag limits and requirements". */
export const maxTags = 50;

/** Why another cluster cannot be registered, before AWS rejects the tag; undefined while there is room. */
export function fullBecauseOfTags(secret: string, tags: Tags, id: string): RegistrationLimit | undefined {
  if (tagKeyOf(id) in tags || Object.keys(tags).length < maxTags) return undefined;
  const [oldest] = recordsIn(tags).sort((one, other) => (one.since < other.since ? -1 : 1));
  return {
    what: `secret ${secret} has no room for the registration of another cluster`,
    why: `AWS allows ${maxTags} tags, and each cluster of the project needs one: ${recordsIn(tags).length} are registered`,
    hint: `Remove a cluster that no longer exists, the oldest for example${
      oldest ? ` (${clusterLabel(oldest)}): ${forgetCommand(secret, oldest)}` : ''
    }. Or use another project for this cluster.`,
  };
}

export interface RegistrationLimit {
  readonly what: string;
  readonly why: string;
  readonly hint: string;
}
