import pLimit from 'p-limit';
import type { Tags } from '../../clients/aws/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Change, Diff } from '../../core/step.ts';
import { isTolerable } from '../../core/members.ts';
import type { MirrorContext } from '../context.ts';
import { isAdopted, ownershipOf, release } from '../../iam/tags.ts';
import { repositoryTarget } from './diff.ts';
import { readConcurrency, type RepositoriesState } from './state.ts';
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
    return { tags, isManaged: ownershipOf(tags, wanted) === 'ours' };
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    return { tags: {}, isManaged: false, why: error.message };
  }
}

/** Deletes all managed repositories of the project, also unneeded ones. An adopted one is kept with its images. */
export async function removeRepositories({ tags }: RepositoriesState, ctx: MirrorContext): Promise<Diff> {
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
      .map(({ name, tags: found }) =>
        isAdopted(found)
          ? release(repositoryTarget(name), found)
          : {
              action: 'delete',
              target: repositoryTarget(name),
              fields: [],
              reason: 'with all its images',
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

/** Removes the tags of ecr-bootstrap from an adopted repository. */
export async function removeMarks(
  { target, fields }: Change,
  { aws: { ecr } }: MirrorContext,
): Promise<void> {
  const arn = (await ecr.repositories()).find(({ name }) => name === target.name)?.arn;
  if (arn !== undefined)
    await ecr.untag(
      arn,
      fields.map(({ path }) => path.slice('tags.'.length)),
    );
}
