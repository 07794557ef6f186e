import { tolerating } from '../core/members.ts';
import type { Step } from './context.ts';
import { applyRepositories } from '../mirror/repositories/apply.ts';
import { diffRepositories, repositoryTarget } from '../mirror/repositories/diff.ts';
import { removeRepositories } from '../mirror/repositories/remove.ts';
import {
  observeRepositories,
  type RepositoriesState,
  type RepositoryChange,
} from '../mirror/repositories/state.ts';

/**
 * Manages the settings of existing repositories, and creates the operator's repository. The others are created
 * when an image is found at its source, so that a mistyped name leaves no empty repository.
 */
export const repositories: Step<RepositoriesState, RepositoryChange> = {
  id: 'repositories',
  title: 'ECR repositories',
  group: 'aws',
  topic: 'repositories',
  needs: ['aws'],
  readsLag: true,
  observe: observeRepositories,
  diff: diffRepositories,
  summary: ({ repositories: { length } }) => ({
    text: `${length} ${length === 1 ? 'repository' : 'repositories'}`,
  }),
  apply: async (changes, _state, run) => tolerating(await applyRepositories(changes, run)),
  ready: ({ repositories }) =>
    Promise.resolve(
      repositories.flatMap(({ name, error }) => (error ? [{ target: repositoryTarget(name), error }] : [])),
    ),
  removesFromAws: ['images'],
  remove: removeRepositories,
};
