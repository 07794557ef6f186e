import { isConflict } from '../../clients/kubernetes/errors.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { diffObjects, isManaged } from '../../cluster/objects.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { MirrorContext } from '../context.ts';
import type { MirrorResult } from '../engine.ts';
import {
  digestVersion,
  imageLists,
  isImageList,
  listName,
  otherHostsName,
  readHeld,
  repositoriesIn,
} from './lists.ts';
import { listConfigMaps } from './state.ts';

/** Attempts while other runs change the lists too. */
const maxAttempts = 3;

/**
 * Adds the images of these results to the lists in the cluster, if `up` made them. Reads only the repositories that they do
 * not have yet.
 * @throws BootstrapError if the lists are now outdated
 */
export async function updateLists(results: readonly MirrorResult[], ctx: MirrorContext): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await updateOnce(results, ctx);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === maxAttempts) throw error;
    }
  }
}

async function updateOnce(results: readonly MirrorResult[], ctx: MirrorContext): Promise<void> {
  const found = new Map((await listConfigMaps(ctx)).map((object) => [object.metadata.name, object]));
  const others = found.get(otherHostsName);
  if (!others || !isImageList(others)) return;
  const host = await ctx.registryHost();
  const registryName = listName(host);
  const whole = found.get(registryName);
  if (!whole || !isImageList(whole)) throw incomplete(host);
  const held = new Map(repositoriesIn(dataOf(whole)).map((one) => [one.path, one]));
  const changed = results.filter(
    ({ error, state, image: { repository, tag } }) =>
      !error && (state !== 'current' || !held.get(repository)?.versions.includes(versionOf(tag))),
  );
  if (changed.length === 0) return;
  for (const repository of await readHeld(ctx.aws.ecr, [
    ...new Set(changed.map(({ image }) => image.repository)),
  ])) {
    held.set(repository.path, repository);
  }
  const wanted = imageLists([...held.values()], host, ctx.config).objects.map((desired) => ({
    desired,
    actual: found.get(desired.metadata.name),
  }));
  // Written first: with its version, it is the lock of all lists.
  const isWhole = ({ desired }: { desired: KubeObject }): number =>
    Number(desired.metadata.name === registryName);
  for (const { desired, actual } of wanted.toSorted((a, b) => isWhole(b) - isWhole(a))) {
    if (actual && !isManaged(actual)) continue;
    if (diffObjects({ wanted: [{ desired, actual }], unwanted: [] }).changes.length === 0) continue;
    await ctx.cluster.apply(withVersionOf(desired, actual));
  }
}

/** An image without a tag has its digest instead. */
const versionOf = (tag: string): string => (tag.includes(':') ? digestVersion(tag) : `:${tag}`);

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
