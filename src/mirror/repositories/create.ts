import type { Config } from '../../config/schema.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { onceFulfilled } from '../../core/once.ts';
import { inParallel, isTolerable } from '../../core/members.ts';
import type { Change, Outcome } from '../../core/step.ts';
import type { MirrorContext, MirrorRun } from '../context.ts';
import { awsTags } from '../../iam/tags.ts';
import { creationOf, diffRepositories } from './diff.ts';
import { type RepositoriesState, observeRepository } from './state.ts';
import { update } from './update.ts';

/** Creations at once. ECR throttles more. */
const concurrency = 8;

/** The change that creates a repository with the configured settings. */
export const repositoryCreation = (name: string, config: Config): Change =>
  creationOf(name, { settings: config.repositories, tags: awsTags(config) });

/** Creates a repository with the configured settings. @returns a detail to show, if any */
export async function createRepository(name: string, ctx: MirrorContext): Promise<string | undefined> {
  const { ecr } = ctx.aws;
  const tags = awsTags(ctx.config);
  const { tagMutability, scanOnPush, encryption, lifecyclePolicy } = ctx.config.repositories;
  const creation = await ecr.createRepository({
    name,
    tags,
    tagMutability,
    ...(scanOnPush === undefined ? {} : { scanOnPush }),
    ...(encryption
      ? { encryption: { type: encryption.type, ...(encryption.kmsKey ? { kmsKey: encryption.kmsKey } : {}) } }
      : {}),
  });
  if (creation === 'exists') return useExisting(name, ctx);
  if (lifecyclePolicy) await ecr.setLifecyclePolicy(name, JSON.stringify(lifecyclePolicy));
  return undefined;
}

/** A repository that was created meanwhile is used like one that was observed: an unmanaged one stays as it is. */
async function useExisting(name: string, ctx: MirrorContext): Promise<string> {
  const { repositories: settings } = ctx.config;
  const observed = await observeRepository(name, ctx);
  const state: RepositoriesState = {
    settings,
    tags: awsTags(ctx.config),
    operator: name,
    project: ctx.config.project,
    creationRules: [],
    unneeded: [],
    repositories: [{ name, images: [], observed }],
  };
  const changes = diffRepositories(state).changes.filter(
    ({ action, adopts }) => action === 'update' && !adopts,
  );
  for (const change of changes) await update(change, state, ctx);
  return 'it was created meanwhile';
}

/**
 * Creates the repositories of images that a copy is about to write, each once. An image that its source does not have
 * gets none. A repository that cannot be created fails only its own images.
 */
export class MissingRepositories {
  readonly #run: MirrorRun;
  readonly #existing: () => Promise<ReadonlySet<string>>;
  readonly #outcomes = new Map<string, Promise<Outcome>>();

  constructor(run: MirrorRun) {
    this.#run = run;
    this.#existing = onceFulfilled(
      async () => new Set((await run.ctx.aws.ecr.repositories()).map(({ name }) => name)),
    );
  }

  /** For the copy. @returns errors by repository */
  prepare = async (images: readonly WantedImage[]): Promise<ReadonlyMap<string, BootstrapError>> => {
    const { ctx } = this.#run;
    const existing = await this.#existing();
    const names = new Set(images.map(({ repository }) => repository));
    const missing = [...names].filter((name) => !existing.has(name));
    const changes = missing
      .filter((name) => !this.#outcomes.has(name))
      .map((name) => repositoryCreation(name, ctx.config));
    const done = inParallel(concurrency, changes, this.#run, ({ target }) =>
      createRepository(target.name, ctx),
    );
    for (const [index, change] of changes.entries()) {
      const skipped: Outcome = { change, result: 'skipped' };
      this.#outcomes.set(
        change.target.name,
        done.then((outcomes) => outcomes[index] ?? skipped),
      );
    }
    const failures = new Map<string, BootstrapError>();
    for (const name of missing) {
      const outcome = await this.#outcomes.get(name);
      if (outcome?.result !== 'failed') continue;
      if (!isTolerable(outcome.error)) throw outcome.error;
      failures.set(name, outcome.error);
    }
    return failures;
  };

  /** The outcomes of the planned creations, and of others that the copy needed. */
  async outcomes(planned: readonly Change[]): Promise<Outcome[]> {
    const known = new Map(
      await Promise.all([...this.#outcomes].map(async ([name, one]) => [name, await one] as const)),
    );
    const skipped = planned.filter(({ target }) => !known.has(target.name));
    return [...known.values(), ...skipped.map((change): Outcome => ({ change, result: 'skipped' }))];
  }
}
