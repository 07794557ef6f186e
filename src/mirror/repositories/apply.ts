import type { Config } from '../../config/schema.ts';
import type { BootstrapError } from '../../core/errors.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { onceFulfilled } from '../../core/once.ts';
import { inParallel, isTolerable, skipped } from '../../core/members.ts';
import type { Outcome } from '../../core/step.ts';
import type { MirrorContext, MirrorRun } from '../context.ts';
import { adoptedTags, awsTags } from '../../iam/tags.ts';
import { creationOf, diffRepositories } from './diff.ts';
import {
  observeRepository,
  type RepositoriesState,
  type RepositoryChange,
  type RepositoryCreation,
  type RepositoryRepairs,
  settingsOf,
} from './state.ts';

/** Concurrent changes. ECR throttles more. */
const concurrency = 8;

/** The change that creates a repository with the configured settings. */
export const repositoryCreation = (name: string, config: Config): RepositoryCreation =>
  creationOf(name, { settings: config.repositories, tags: awsTags(config), project: config.project });

/** Applies the changes of {@link diffRepositories} and of the removal. */
export function applyRepositories(
  changes: readonly RepositoryChange[],
  run: MirrorRun,
): Promise<Outcome<RepositoryChange>[]> {
  return inParallel(concurrency, changes, run, (change) => applyOne(change, run.ctx));
}

function applyOne({ payload, adopts }: RepositoryChange, ctx: MirrorContext): Promise<unknown> {
  switch (payload.does) {
    case 'create':
      return createRepository(payload.name, ctx);
    case 'update': {
      const { tags, ...settings } = payload.repairs;
      const written = tags && { tags: adopts ? adoptedTags(tags) : tags };
      return writeSettings(payload.name, { ...settings, ...written }, ctx);
    }
    case 'untag':
      return untagRepository(payload.name, payload.keys, ctx);
    case 'delete':
      return ctx.aws.ecr.deleteRepository(payload.name);
    case 'enable-blob-mounting':
      return ctx.aws.ecr.enableBlobMounting();
  }
}

/** Repairs the drifted settings of a repository. */
async function writeSettings(
  name: string,
  { arn, tags, tagMutability, scanOnPush, lifecyclePolicy }: RepositoryRepairs,
  { aws: { ecr } }: MirrorContext,
): Promise<void> {
  if (tags) await ecr.tag(arn, tags);
  if (tagMutability !== undefined) await ecr.setTagMutability(name, tagMutability);
  if (scanOnPush !== undefined) await ecr.setScanOnPush(name, scanOnPush);
  if (lifecyclePolicy !== undefined) await ecr.setLifecyclePolicy(name, lifecyclePolicy);
}

/** Removes tags from a repository, if it still exists. */
async function untagRepository(
  name: string,
  keys: readonly string[],
  { aws: { ecr } }: MirrorContext,
): Promise<void> {
  const arn = (await ecr.repositories()).find((repository) => repository.name === name)?.arn;
  if (arn !== undefined) await ecr.untag(arn, [...keys]);
}

/** Creates a repository with the configured settings. @returns a detail to show, if any */
async function createRepository(name: string, ctx: MirrorContext): Promise<string | undefined> {
  const { ecr } = ctx.aws;
  const tags = awsTags(ctx.config);
  const { project, repositories } = ctx.config;
  const { tagMutability, scanOnPush, encryption, lifecyclePolicy } = settingsOf(name, {
    settings: repositories,
    project,
  });
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

/** Uses a repository that was created meanwhile like an observed one: an unmanaged one stays unchanged. */
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
  for (const { payload, adopts } of diffRepositories(state).changes) {
    if (payload.does === 'update' && !adopts) await writeSettings(name, payload.repairs, ctx);
  }
  return 'it was created in the meantime';
}

/**
 * Creates the repositories of images that a copy is about to write, each once. An image that its source does not have
 * gets none. A repository that cannot be created fails only its own images.
 */
export class MissingRepositories {
  readonly #run: MirrorRun;
  readonly #existing: () => Promise<ReadonlySet<string>>;
  readonly #outcomes = new Map<string, Promise<Outcome<RepositoryCreation>>>();

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
    const done = inParallel(concurrency, changes, this.#run, ({ payload }) =>
      createRepository(payload.name, ctx),
    );
    for (const [index, change] of changes.entries()) {
      this.#outcomes.set(
        change.payload.name,
        done.then((outcomes) => outcomes[index] ?? { change, result: 'skipped' }),
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
  async outcomes(planned: readonly RepositoryCreation[]): Promise<Outcome<RepositoryCreation>[]> {
    const known = new Map(
      await Promise.all([...this.#outcomes].map(async ([name, one]) => [name, await one] as const)),
    );
    return [...known.values(), ...skipped(planned.filter(({ payload }) => !known.has(payload.name)))];
  }
}
