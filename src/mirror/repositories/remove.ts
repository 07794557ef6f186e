import pLimit from 'p-limit';
import type { Tags } from '../../clients/aws/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Diff } from '../../core/step.ts';
import { isTolerable } from '../../core/members.ts';
import type { MirrorContext } from '../context.ts';
import { isAdopted, markKeysIn, ownershipOf, release } from '../../iam/tags.ts';
import { repositoryTarget } from './diff.ts';
import { readConcurrency, type RepositoriesState, type RepositoryChange } from './state.ts';
import { finding } from '../../core/findings.ts';

interface Ownership {
  readonly tags: Tags;
  readonly isManaged: boolean;
  readonly why?: string;
}

/** A repository with unreadable tags is kept; the others are deleted. */
async function ownership(arn: string, wanted: Tags, { aws: { ecr } }: MirrorContext): Promise<Ownership> {
  try {
    const tags = await ecr.tags(arn);
    return { tags, isManaged: ownershipOf(tags, wanted) === 'managed' };
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    return { tags: {}, isManaged: false, why: error.message };
  }
}

/** Deletes all managed repositories of the project, also unneeded ones. An adopted one is kept with its images. */
export async function removeRepositories(
  { tags }: RepositoriesState,
  ctx: MirrorContext,
): Promise<Diff<RepositoryChange>> {
  const inside = (await ctx.aws.ecr.repositories()).filter(({ name }) =>
    name.startsWith(`${ctx.config.project}/`),
  );
  const existing = await pLimit(readConcurrency).map(inside, async ({ name, arn }) => ({
    name,
    ...(await ownership(arn, tags, ctx)),
  }));
  return {
    changes: existing
      .filter(({ isManaged }) => isManaged)
      .map(({ name, tags: found }): RepositoryChange =>
        isAdopted(found)
          ? {
              ...release(repositoryTarget(name), found),
              payload: { does: 'untag', name, keys: markKeysIn(found) },
            }
          : {
              action: 'delete',
              target: repositoryTarget(name),
              fields: [],
              reason: 'with all its images',
              payload: { does: 'delete', name },
            },
      ),
    findings: existing
      .filter(({ isManaged }) => !isManaged)
      .map(({ name, why = 'it does not have the tags of this project and region' }) =>
        finding('left-behind', {
          target: repositoryTarget(name),
          what: `repository ${name} is kept`,
          why,
          hint: `Delete it with its images: \`aws ecr delete-repository --force --repository-name ${name}\`.`,
        }),
      ),
  };
}
