import { fullName } from '../../clients/kubernetes/names.ts';
import type { Kind, KubeObject } from '../../clients/kubernetes/port.ts';
import { listedObject } from '../../cluster/objects.ts';
import { diagnosePod } from '../../cluster/pod-failure.ts';
import { imagesOf, isActive, isFinished, ownerOf, workloadOf } from '../../cluster/workloads.ts';
import { isReady } from '../../cluster/nodes.ts';
import { BootstrapError, onlyBootstrapError } from '../../core/errors.ts';
import { formatReference, parseIfValid, type Reference } from '../../images/reference.ts';
import { imageUserName } from '../../images/wanted.ts';
import { ecrImage } from '../../mirror/pulled-images.ts';
import { pauseImages } from '../../nodes/access.ts';
import type { Context } from '../../steps/context.ts';
import { closestType, type Subject, type SubjectType } from './subject.ts';

/** What the command is asked about, in the cluster. */
export interface Found {
  /** `Deployment shop/web`, or an image. */
  readonly title: string;
  /** The workloads that name the image: `Deployment shop/web`. */
  readonly users: readonly string[];
  /** The object that was named. */
  readonly object?: KubeObject;
  /** The pod to examine: of several, one that fails. */
  readonly pod?: KubeObject;
  /** The image that was named. */
  readonly image?: string;
}

/**
 * Finds an object, or the pods that use an image.
 * @throws BootstrapError `object-missing`
 */
export function findSubject(subject: Subject, namespace: string, ctx: Context): Promise<Found> {
  return 'type' in subject
    ? findObject(subject.type, subject.name, namespace, ctx)
    : findImage(subject.image, subject.reference, ctx);
}

async function findObject(
  type: SubjectType,
  name: string,
  namespace: string,
  { cluster }: Context,
): Promise<Found> {
  const { apiVersion, kind } = type;
  const isClusterWide = kind === 'Node';
  const within = isClusterWide ? {} : { namespace };
  const object = await listedObject(cluster, { apiVersion, kind, name, ...within });
  if (!object) throw missing(kind, isClusterWide ? name : `${namespace}/${name}`);
  const title = `${kind} ${fullName(object.metadata)}`;
  if (kind === 'Node') return { title, users: [], object };
  const pod = kind === 'Pod' ? object : worstOf(await podsOf(object, cluster.list.bind(cluster)));
  return { title, users: [kind === 'Pod' ? userName(object) : title], object, ...(pod && { pod }) };
}

type List = Context['cluster']['list'];

const pods: Kind = { apiVersion: 'v1', kind: 'Pod' };

/** The pods that a controller owns, directly or through a ReplicaSet or Job. */
async function podsOf(object: KubeObject, list: List): Promise<readonly KubeObject[]> {
  const { kind, metadata } = object;
  const { namespace = '', name } = metadata;
  const { selector } = (object['spec'] ?? {}) as {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const [all, jobs] = await Promise.all([
    list(pods, { namespace, ...(labels.length > 0 && { labelSelector: labels.join(',') }) }),
    kind === 'CronJob'
      ? list({ apiVersion: 'batch/v1', kind: 'Job' }, { namespace, metadataOnly: true })
      : [],
  ]);
  const runs = new Set(jobs.filter((job) => ownerOf(job)?.name === name).map((job) => job.metadata.name));
  return all.filter((pod) => {
    const owner = ownerOf(pod);
    if (kind === 'CronJob') return owner?.kind === 'Job' && runs.has(owner.name);
    if (kind === 'Deployment') return workloadOf(pod)?.kind === kind && workloadOf(pod)?.name === name;
    return owner?.kind === kind && owner.name === name;
  });
}

/** A pod that cannot pull, else one that fails otherwise, else one that is not ready; the newest of them. */
function worstOf(candidates: readonly KubeObject[]): KubeObject | undefined {
  const rank = (pod: KubeObject): number => {
    if (!isActive(pod)) return isFinished(pod) ? 4 : 5;
    const failure = diagnosePod(pod);
    if (failure) return failure.image === undefined ? 1 : 0;
    return isReady(pod) ? 3 : 2;
  };
  const created = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
  return [...candidates].sort((a, b) => rank(a) - rank(b) || created(b) - created(a))[0];
}

/** The pods and workloads with an image, whether they name its source or its name in ECR. */
async function findImage(image: string, reference: Reference, ctx: Context): Promise<Found> {
  const registryHost = await ctx.registryHost().catch(onlyBootstrapError);
  const idOf = (text: string): string | undefined => {
    const parsed = parseIfValid(text);
    const stored =
      parsed && !(registryHost instanceof BootstrapError) && ecrImage(parsed, registryHost, ctx.config);
    if (!stored || stored instanceof BootstrapError) return parsed && formatReference(parsed);
    return `${stored.repository} ${stored.tag}`;
  };
  const wanted = idOf(image);
  const names = (text: string): boolean => idOf(text) === wanted;
  const [allPods, sources, nodes] = await Promise.all([
    ctx.inventory.pods(),
    ctx.inventory.imageSources(),
    pauseImages(ctx),
  ]);
  const users = [...sources, ...(nodes ?? [])].filter(({ images }) => images.some(names)).map(imageUserName);
  const using = allPods.filter((pod) => imagesOf(pod).some(names));
  const pod = worstOf(using);
  // Sources leave out pods that have ended.
  const named = [
    ...users,
    ...(users.length === 0 ? new Set(using.map(userName)) : []),
    ...(ctx.config.images.list.some(names) ? ['images.list'] : []),
  ];
  const typo = named.length === 0 ? suggestion(image) : undefined;
  if (typo !== undefined) throw missing('image', image, typo);
  // A workload may have another spelling, which leads elsewhere.
  const spellings = [...(pod ? imagesOf(pod) : []), ...sources.flatMap(({ images }) => images)].filter(names);
  const used = spellings.includes(image) ? image : (spellings[0] ?? image);
  return { title: formatReference(reference), users: named, image: used, ...(pod && { pod }) };
}

/** `deploymnt/web` is an image of Docker Hub too. */
function suggestion(image: string): string | undefined {
  const [, word = '', name] = /^([a-z]+)\/([a-z0-9-]+)$/.exec(image) ?? [];
  const near = name === undefined ? undefined : closestType(word);
  return near && `Did you mean ${near}/${name}? For an image, write its tag: ecr-bootstrap why ${image}:TAG`;
}

const userName = (pod: KubeObject): string => {
  const { kind, name } = workloadOf(pod) ?? { kind: 'Pod', name: pod.metadata.name };
  return `${kind} ${pod.metadata.namespace ?? ''}/${name}`;
};

const missing = (
  kind: string,
  name: string,
  hint = kind === 'Node'
    ? 'List the nodes: kubectl get nodes'
    : `List them: kubectl get ${kind.toLowerCase()}s -A`,
): BootstrapError =>
  new BootstrapError({
    code: 'object-missing',
    what: `could not find ${kind} ${name}`,
    why: kind === 'image' ? 'no workload uses it' : 'the cluster has no such object',
    hint,
  });
