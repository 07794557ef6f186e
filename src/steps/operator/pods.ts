import type { ClusterPort, KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import type { Context, Run } from '../context.ts';
import { operatorNamespace as namespace } from '../ownership.ts';
import { hintFor, type Trouble, troubleOf } from '../pod-trouble.ts';

const names = ['external-secrets', 'external-secrets-cert-controller', 'external-secrets-webhook'] as const;

/** A Deployment of the operator. */
export type Part = (typeof names)[number];

/** The pods of each part's newest template: those of an older one are on their way out. */
export type OperatorPods = Readonly<Record<Part, readonly KubeObject[]>>;

export async function readPods(cluster: ClusterPort): Promise<OperatorPods> {
  const pods = await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace });
  const present = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const of = (part: Part): readonly KubeObject[] =>
    newest(present.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === part));
  return Object.fromEntries(names.map((part) => [part, of(part)])) as Record<Part, readonly KubeObject[]>;
}

export interface TroubledPod {
  readonly pod: KubeObject;
  readonly trouble: Trouble;
}

/** Pods that will not run by themselves. Events are fetched only when there is one. */
export async function findTrouble(cluster: ClusterPort, pods: OperatorPods): Promise<readonly TroubledPod[]> {
  const all = Object.values(pods).flat();
  const troubled = all.filter((pod) => troubleOf(pod) !== undefined);
  if (troubled.length === 0) return [];
  const events = await cluster.list(
    { apiVersion: 'v1', kind: 'Event' },
    { namespace, fieldSelector: 'type=Warning' },
  );
  return troubled.flatMap((pod) => {
    const trouble = troubleOf(pod, events);
    return trouble ? [{ pod, trouble }] : [];
  });
}

/**
 * Ends the run on a cause that waiting will not cure.
 * @throws BootstrapError `not-ready`
 */
export async function refuseTrouble({ cluster, config }: Context, pods: OperatorPods): Promise<void> {
  const [first] = await findTrouble(cluster, pods);
  if (first === undefined) return;
  throw new BootstrapError({
    code: 'not-ready',
    what: `start pod ${namespace}/${first.pod.metadata.name}`,
    why: describe(first.trouble),
    hint: hintFor(first.trouble, config.aws.region),
  });
}

const causes: Readonly<Record<Trouble['cause'], string>> = {
  dns: 'its node cannot resolve the registry',
  route: 'its node cannot reach the registry',
  tls: "its node does not trust the registry's certificate",
  credentials: 'the registry refuses the pull secret',
  'not-found': 'the registry does not have the image',
  platform: "the image does not exist for the node's platform",
  'unknown-pull': 'its image cannot be pulled',
  unschedulable: 'no node takes it',
  crash: 'it crashes',
};

export const describe = ({ cause, why }: Trouble): string => `${causes[cause]}: ${why}`;

/**
 * Deletes pods that failed to pull before now. The kubelet waits up to five minutes between two tries, and what made
 * it fail (an expired token, a missing image) may have been repaired by the steps before this one.
 */
export async function renewStuckPods({ ctx, emit }: Run): Promise<void> {
  const troubled = await findTrouble(ctx.cluster, await readPods(ctx.cluster));
  for (const { pod, trouble } of troubled) {
    if (trouble.image === undefined) continue;
    const { name, uid } = pod.metadata;
    emit({ type: 'note', text: `pod ${name} is made anew: ${describe(trouble)}` });
    await ctx.cluster.delete(
      { apiVersion: 'v1', kind: 'Pod', name, namespace },
      uid === undefined ? {} : { uid },
    );
  }
}

function newest(pods: readonly KubeObject[]): readonly KubeObject[] {
  const [latest] = [...pods].sort((one, other) => createdAt(other) - createdAt(one));
  return pods.filter((pod) => templateOf(pod) === (latest && templateOf(latest)));
}

const createdAt = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '');
const templateOf = ({ metadata }: KubeObject): string | undefined => metadata.labels?.['pod-template-hash'];
