import type { Diff } from '../../plan/index.ts';
import type { Context } from '../context.ts';
import { ownershipOf } from '../tags.ts';
import { repositoryTarget } from './diff.ts';
import type { RepositoriesState } from './state.ts';

/** All repositories of the project that are ours, also those that nothing wants any more. */
export async function removeRepositories({ tags }: RepositoriesState, ctx: Context): Promise<Diff> {
  const { ecr } = ctx.aws;
  const inside = (await ecr.repositories()).filter(({ name }) => name.startsWith(`${ctx.config.project}/`));
  const seen = await Promise.all(
    inside.map(async ({ name, arn }) => ({
      name,
      isOurs: ownershipOf(await ecr.tags(arn), tags) === 'ours',
    })),
  );
  return {
    changes: seen
      .filter(({ isOurs }) => isOurs)
      .map(({ name }) => ({
        action: 'delete',
        target: repositoryTarget(name),
        fields: [],
        reason: 'with all its images',
      })),
    findings: seen
      .filter(({ isOurs }) => !isOurs)
      .map(({ name }) => ({
        level: 'warning',
        code: 'left-behind',
        target: repositoryTarget(name),
        what: `repository ${name} is left`,
        why: 'it was not made by us: it does not bear our tags',
        hint: `To delete it with its images: \`aws ecr delete-repository --force --repository-name ${name}\`.`,
      })),
  };
}
