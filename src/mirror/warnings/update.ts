import { isConflict } from '../../clients/kubernetes/errors.ts';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { diffObjects, isManaged } from '../../cluster/objects.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { MirrorContext } from '../context.ts';
import type { MirrorResult } from '../engine.ts';
import {
  besideExisting,
  type HeldRepository,
  imageLists,
  isImageList,
  listName,
  otherHostsName,
  readHeld,
  repositoriesIn,
  versionOf,
} from './lists.ts';
import { listConfigMaps } from './state.ts';

/** Attempts while other runs change the lists too. */
const maxAttempts = 3;

/** The repositories to read again. @param listed what the lists in the cluster have, by repository */
export type ChangedRepositories = (listed: ReadonlyMap<string, HeldRepository>) => readonly string[];

/** Those that copies changed, or that have an image which the lists lack. */
export const copiedInto =
  (results: readonly MirrorResult[]): ChangedRepositories =>
  (listed) =>
    results
      .filter(
        ({ error, state, image: { repository, tag } }) =>
          !error && (state !== 'current' || !listed.get(repository)?.versions.includes(versionOf(tag))),
      )
      .map(({ image }) => image.repository);

/**
 * Updates the lists in the cluster, if `up` made them, and completes an earlier update. Reads only the repositories that
 * have changed.
 * @throws BootstrapError if the lists are now outdated
 */
export async function updateLists(changed: ChangedRepositories, ctx: MirrorContext): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await updateOnce(changed, ctx);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === maxAttempts) throw error;
    }
  }
}

async function updateOnce(changed: ChangedRepositories, ctx: MirrorContext): Promise<void> {
  const found = new Map((await listConfigMaps(ctx)).map((object) => [object.metadata.name, object]));
  const others = found.get(otherHostsName);
  if (!others || !isImageList(others)) return;
  const host = await ctx.registryHost();
  const registryName = listName(host);
  const whole = found.get(registryName);
  if (!whole || !isImageList(whole)) throw incomplete(host);
  const held = new Map(repositoriesIn(dataOf(whole)).map((one) => [one.path, one]));
  for (const repository of await readHeld(changed(held), ctx)) held.set(repository.path, repository);
  const wanted = besideExisting(imageLists([...held.values()], host, ctx.config).objects, found);
  // Written first: with its version, it is the lock of all lists, and after an interruption, the others follow from it.
  const isWhole = ({ desired }: { desired: KubeObject }): number =>
    Number(desired.metadata.name === registryName);
  for (const { desired, actual } of wanted.toSorted((a, b) => isWhole(b) - isWhole(a))) {
    if (actual && !isManaged(actual)) continue;
    if (diffObjects({ wanted: [{ desired, actual }], unwanted: [] }).changes.length === 0) continue;
    await ctx.cluster.apply(withVersionOf(desired, actual));
  }
  // The list of all other hosts now decides on the images of a host that ECR has no image of.
  for (const { desired } of wanted) found.delete(desired.metadata.name);
  for (const list of [...found.values()].filter(isImageList)) {
    await ctx.cluster.delete(refOf(list), { resourceVersion: list.metadata.resourceVersion });
  }
}

const dataOf = (object: KubeObject): Readonly<Record<string, unknown>> =>
  (object['data'] ?? {}) as Readonly<Record<string, unknown>>;

function withVersionOf(desired: KubeObject, actual: KubeObject | undefined): KubeObject {
  const resourceVersion = actual?.metadata.resourceVersion;
  if (resourceVersion === undefined) return desired;
  return { ...desired, metadata: { ...desired.metadata, resourceVersion } };
}

const incomplete = (host: string): BootstrapError =>
  new BootstrapError({
    code: 'cluster-failed',
    what: 'could not update the list of images in the cluster',
    why: `the list of ${host} is missing`,
    hint: 'Run `ecr-bootstrap up --only image-warnings`.',
  });
