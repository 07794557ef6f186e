import { groupBy } from '../../core/group-by.ts';
import pLimit from 'p-limit';
import type { CreationRule, Repository, Tags } from '../../clients/aws/port.ts';
import type { Config } from '../../config/schema.ts';
import type { WantedImage } from '../../images/wanted.ts';
import type { ChangeWith } from '../../core/step.ts';
import { BootstrapError } from '../../core/errors.ts';
import { isTolerable } from '../../core/members.ts';
import { probeHost } from '../../core/ownership.ts';
import type { MirrorContext } from '../context.ts';
import { awsTags, type Ownership, ownershipOf } from '../../iam/tags.ts';
import { type ResourceAccess, readAccess } from '../../iam/resource-access.ts';

/** Concurrent reads of repositories. ECR throttles bursts of reads of tags. */
export const readConcurrency = 10;

/** What `apply` does for one change of a repository. */
export type RepositoryWork =
  | { readonly does: 'create'; readonly name: string }
  | { readonly does: 'update'; readonly name: string; readonly repairs: RepositoryRepairs }
  | { readonly does: 'untag'; readonly name: string; readonly keys: readonly string[] }
  | { readonly does: 'delete'; readonly name: string }
  /** For the whole registry. */
  | { readonly does: 'enable-blob-mounting' };

/** The settings of an existing repository to write; a missing one is as configured. */
export interface RepositoryRepairs {
  readonly arn: string;
  readonly tags?: Tags;
  readonly tagMutability?: Config['repositories']['tagMutability'];
  readonly scanOnPush?: boolean;
  /** The policy's JSON text. */
  readonly lifecyclePolicy?: string;
}

export type RepositoryChange = ChangeWith<RepositoryWork>;
export type RepositoryCreation = ChangeWith<Extract<RepositoryWork, { does: 'create' }>>;

export interface RepositoriesState {
  readonly settings: Config['repositories'];
  readonly tags: Tags;
  /** The name of the operator's repository. */
  readonly operator: string;
  readonly project: string;
  /** Rules by which ECR creates repositories itself, or why they are unknown. */
  readonly creationRules: readonly CreationRule[] | BootstrapError;
  /** The account's setting, if it is configured. It is unknown where it cannot be read. */
  readonly blobMounting?: boolean | 'unknown';
  /** Names of the project's repositories that no wanted image needs. */
  readonly unneeded: readonly string[];
  /** The repositories of the wanted images, sorted by name. */
  readonly repositories: readonly WantedRepository[];
}

/**
 * The settings of one repository. Nodes run the images of the probe's host as root, so their tags cannot move, whatever
 * is configured.
 */
export const settingsOf = (
  name: string,
  { settings, project }: Pick<RepositoriesState, 'settings' | 'project'>,
): Config['repositories'] =>
  isReserved(name, project) ? { ...settings, tagMutability: 'IMMUTABLE' } : settings;

export const isReserved = (name: string, project: string): boolean =>
  name.startsWith(`${project}/${probeHost}/`);

export interface WantedRepository {
  readonly name: string;
  /** The images that it must keep. */
  readonly images: readonly WantedImage[];
  /** Undefined when it does not exist. */
  readonly observed: ObservedRepository | undefined;
  /** Why it could not be read. */
  readonly error?: BootstrapError;
}

export interface ObservedRepository {
  readonly repository: Repository;
  readonly tags: Tags;
  readonly ownership: Ownership;
  /** The lifecycle policy's text. */
  readonly lifecyclePolicy: string | undefined;
  /** Why the lifecycle policy is unknown. If none is configured, this only affects warnings. */
  readonly lifecycleDenied?: BootstrapError;
  /** Who has access by the repository's policy. Read only if it may be adopted. */
  readonly access?: ResourceAccess;
}

/** Lists all repositories and filters them here, because a query by name fails when one is missing. */
export async function observeRepositories(ctx: MirrorContext): Promise<RepositoriesState> {
  const [all, wanted, creationRules, mounting] = await Promise.all([
    ctx.aws.ecr.repositories(),
    imagesByRepository(ctx),
    readCreationRules(ctx),
    ctx.config.aws.blobMounting && ctx.aws.ecr.blobMounting(),
  ]);
  const names = [...wanted.keys()].sort();
  const byName = new Map(all.map((repository) => [repository.name, repository]));
  const tags = awsTags(ctx.config);
  const repositories = await pLimit(readConcurrency).map(names, (name) =>
    readRepository(name, wanted.get(name) ?? [], byName.get(name), tags, ctx),
  );
  const operator = (await ctx.wantedImages()).operator.repository;
  const { project, repositories: settings } = ctx.config;
  const unneeded = all
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${project}/`) && !wanted.has(name));
  const blobMounting = ctx.config.aws.blobMounting && { blobMounting: mounting ?? ('unknown' as const) };
  return { settings, tags, operator, project, unneeded, creationRules, repositories, ...blobMounting };
}

async function readCreationRules({
  aws: { ecr },
}: MirrorContext): Promise<RepositoriesState['creationRules']> {
  try {
    return await ecr.creationRules();
  } catch (error) {
    if (error instanceof BootstrapError && isTolerable(error)) return error;
    throw error;
  }
}

async function imagesByRepository(ctx: MirrorContext): Promise<Map<string, WantedImage[]>> {
  const { operator, others } = await ctx.wantedImages();
  return groupBy([operator, ...others], ({ repository }) => repository);
}

/** An unreadable repository does not fail the others. */
async function readRepository(
  name: string,
  images: readonly WantedImage[],
  repository: Repository | undefined,
  tags: Tags,
  ctx: MirrorContext,
): Promise<WantedRepository> {
  try {
    return { name, images, observed: repository && (await readDetails(repository, tags, ctx)) };
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    return { name, images, observed: undefined, error };
  }
}

/** Reads one repository; undefined when it does not exist. */
export async function observeRepository(
  name: string,
  ctx: MirrorContext,
): Promise<ObservedRepository | undefined> {
  const repository = (await ctx.aws.ecr.repositories()).find((one) => one.name === name);
  return repository && readDetails(repository, awsTags(ctx.config), ctx);
}

async function readDetails(
  repository: Repository,
  wanted: Tags,
  ctx: MirrorContext,
): Promise<ObservedRepository> {
  const [tags, lifecycle] = await Promise.all([
    ctx.aws.ecr.tags(repository.arn),
    readLifecyclePolicy(repository.name, ctx),
  ]);
  const ownership = ownershipOf(tags, wanted);
  if (ownership !== 'unmanaged') return { repository, tags, ownership, ...lifecycle };
  const access = await readAccess(() => ctx.aws.ecr.repositoryPolicy(repository.name), repository.arn);
  return { repository, tags, ownership, access, ...lifecycle };
}

async function readLifecyclePolicy(
  name: string,
  { aws: { ecr }, config }: MirrorContext,
): Promise<Pick<ObservedRepository, 'lifecyclePolicy' | 'lifecycleDenied'>> {
  try {
    return { lifecyclePolicy: await ecr.lifecyclePolicy(name) };
  } catch (error) {
    const isConfigured = config.repositories.lifecyclePolicy !== undefined;
    if (isConfigured || !(error instanceof BootstrapError) || error.code !== 'aws-denied') throw error;
    return { lifecyclePolicy: undefined, lifecycleDenied: error };
  }
}
