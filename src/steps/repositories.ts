import { inParallel, tolerating } from '../core/members.ts';
import { isRelease } from '../iam/tags.ts';
import type { Step } from './context.ts';
import { createRepository } from '../mirror/repositories/create.ts';
import { diffRepositories, repositoryTarget } from '../mirror/repositories/diff.ts';
import { removeMarks, removeRepositories } from '../mirror/repositories/remove.ts';
import { observeRepositories, type RepositoriesState } from '../mirror/repositories/state.ts';
import { update } from '../mirror/repositories/update.ts';

/** Changes at once. ECR throttles more. */
const concurrency = 8;

/**
 * Manages the settings of existing repositories, and creates the operator's. The others are created when an image is found
 * at its source, so that a mistyped name leaves no empty repository.
 */
export const repositories: Step<RepositoriesState> = {
  id: 'repositories',
  title: 'ECR repositories',
  needs: ['aws'],
  readsLag: true,
  observe: observeRepositories,
  diff: diffRepositories,
  apply: async (changes, state, run) =>
    tolerating(
      await inParallel(concurrency, changes, run, (change) => {
        const { name } = change.target;
        if (change.action === 'delete') return run.ctx.aws.ecr.deleteRepository(name);
        if (isRelease(change)) return removeMarks(change, run.ctx);
        if (change.action === 'create') return createRepository(name, run.ctx);
        return update(change, state, run.ctx);
      }),
    ),
  ready: ({ repositories }) =>
    Promise.resolve(
      repositories.flatMap(({ name, error }) => (error ? [{ target: repositoryTarget(name), error }] : [])),
    ),
  removesFromAws: ['images'],
  remove: removeRepositories,
};
