import type { BootstrapError } from '../../core/errors.ts';
import type { AccessKeyContext } from '../context.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import { secretNames } from '../../iam/names.ts';
import { awsTags, ownershipOf } from '../../iam/tags.ts';
import { clustersOf, observeFormerUsers, secretsOfProject } from '../former-users.ts';
import { describeStored } from '../stored.ts';
import { type ClusterRecord, recordsIn } from './records.ts';

/** The other clusters that use the images and the user for pushing of this project. */
export interface OtherClusters {
  readonly clusters: readonly ClusterRecord[];
  /** Why clusters that are registered with the secrets of another image puller could not be found. */
  readonly denied: BootstrapError | undefined;
  /** The secret that holds the registrations has no tag of ecr-bootstrap, so they are unknown. */
  readonly hasLostTags: boolean;
}

export async function otherClusters(ctx: AccessKeyContext): Promise<OtherClusters> {
  const [here, stored, former, { secrets }] = await Promise.all([
    clusterId(ctx.cluster),
    describeStored(ctx),
    observeFormerUsers(ctx),
    secretsOfProject(ctx),
  ]);
  // A caller who may not describe the secret may list it. Lists can be minutes old.
  const { id: name } = secretNames(ctx.config);
  const tags = stored.id?.tags ?? secrets.find((secret) => secret.name === name)?.tags;
  const records = [...recordsIn(tags), ...former.users.flatMap(clustersOf)];
  const hasLostTags = tags !== undefined && ownershipOf(tags, awsTags(ctx.config)) === 'unmanaged';
  return { clusters: records.filter(({ id }) => id !== here), denied: former.denied, hasLostTags };
}
