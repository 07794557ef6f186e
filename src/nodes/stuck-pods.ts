import { isConflict } from '../clients/kubernetes/errors.ts';
import { fullName, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { nodeOf } from '../cluster/nodes.ts';
import { listedObject } from '../cluster/objects.ts';
import { diagnosePod, type PodFailure } from '../cluster/pod-failure.ts';
import { podPullSecrets, pullSecretsOf } from '../cluster/pull-secret-users.ts';
import { observeServiceAccounts } from '../cluster/service-accounts/covered.ts';
import { isActive, isStaticPod, podSpecOf, serviceAccountOf, workloadOf } from '../cluster/workloads.ts';
import { BootstrapError } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { inParallel, skipped, tolerating } from '../core/members.ts';
import { nodeNamespace, operatorNamespace } from '../core/ownership.ts';
import type { ChangeWith, Diff, Outcome } from '../core/step.ts';
import { nameOf } from '../core/target.ts';
import { tokenExpiry } from '../external-secrets/tokens.ts';
import { formatReference, parseIfValid, parseReference } from '../images/reference.ts';
import type { WantedImage } from '../images/wanted.ts';
import { mirroringForPods } from '../mirror/internet.ts';
import { ecrImage } from '../mirror/pulled-images.ts';
import { isNodeAccessOn } from './access.ts';
import { type NodeAccess, readNodeAccess } from './agents.ts';
import type { NodesContext, NodesRun } from './context.ts';
import { plannedHosts } from './hosts.ts';
import { readUpstreamHosts } from './state.ts';

/** What a pod is older than, and therefore does not use. */
export type MissedAccess =
  /** Its service account lists the pull secret, and the pod was created before. */
  | 'service-account'
  /** The pull secret is newer than the pod. */
  | 'pull-secret'
  /** The kubelet tried the registry itself, before the node pulled from ECR. */
  | 'node-access';

/** What is known about the access of a pod. */
export interface PodAccess {
  readonly registryHost: string;
  /** The name of the managed pull secret. */
  readonly pullSecret: string;
  /** Whether the node of the pod pulls the image from ECR under its own name. */
  readonly isMirrored: boolean;
  /** The pull secrets that the service account of the pod lists. */
  readonly accountSecrets: readonly string[];
  /** When the pull secret in its namespace was created, as the API server writes it. */
  readonly secretCreated: string | undefined;
}

/**
 * What a pod missed that cannot pull: it would pull if it was created again. A list of pull secrets that is not from the
 * service account is a decision of the user.
 */
export function missedAccess(
  pod: KubeObject,
  { image = '', cause, why }: PodFailure,
  { registryHost, pullSecret, isMirrored, accountSecrets, secretCreated = '' }: PodAccess,
): MissedAccess | undefined {
  if (isMirrored) {
    const isOfUpstream = /^(dns|route|tls)$/.test(cause) && !why.includes(registryHost);
    return isOfUpstream ? 'node-access' : undefined;
  }
  if (cause !== 'credentials' || !image.startsWith(`${registryHost}/`)) return undefined;
  const listed = podPullSecrets(pod['spec']);
  if (!listed.includes(pullSecret)) {
    const isOfAccount = listed.every((name) => accountSecrets.includes(name));
    return isOfAccount && accountSecrets.includes(pullSecret) ? 'service-account' : undefined;
  }
  const { creationTimestamp = '' } = pod.metadata;
  return Date.parse(secretCreated) > Date.parse(creationTimestamp) ? 'pull-secret' : undefined;
}

/** A pod that only a new pod can replace, or that only its kubelet's next attempt can start. */
export interface StuckPod {
  readonly pod: KubeObject;
  readonly missed: MissedAccess;
  /** It has access now. If not, earlier steps of the run are to give it. */
  readonly isReady: boolean;
  /** Why it is not recreated. */
  readonly kept?: string;
}

/** The steps `operator` and `node-access` recreate their own pods. */
const ownNamespaces = new Set<string | undefined>([operatorNamespace, nodeNamespace]);

/** What earlier steps of the run give pods. */
export interface PlannedAccess {
  readonly serviceAccounts: boolean;
  readonly nodeAccess: boolean;
}

/**
 * Pods that fail to pull an image only because they are older than what they need to pull it from ECR: what exists, and
 * what the earlier steps of the run create.
 */
export async function observeStuckPods(
  ctx: NodesContext,
  planned: PlannedAccess,
): Promise<readonly StuckPod[]> {
  const { inventory, config, clock } = ctx;
  const failing = (await inventory.pods()).filter(
    (pod) =>
      isActive(pod) &&
      !isStaticPod(pod) &&
      !ownNamespaces.has(pod.metadata.namespace) &&
      diagnosePod(pod)?.image !== undefined,
  );
  if (failing.length === 0) return [];
  const [registryHost, accounts, { covered }, secrets, warnings, nodes] = await Promise.all([
    ctx.registryHost(),
    inventory.serviceAccounts(),
    observeServiceAccounts(ctx),
    inventory.pullSecrets(),
    inventory.warnings(),
    readNodeMirrors(ctx, planned),
  ]);
  const { name: pullSecret } = config.pullSecret;
  const lists = new Map(accounts.map((account) => [fullName(account.metadata), pullSecretsOf(account)]));
  const coveredNames = new Set(
    planned.serviceAccounts ? covered.map(({ metadata }) => fullName(metadata)) : [],
  );
  const secretIn = new Map(secrets.map((secret) => [secret.metadata.namespace, secret]));
  const found = failing.flatMap((pod) => {
    const failure = diagnosePod(pod, warnings);
    if (failure?.image === undefined) return [];
    const { namespace = '' } = pod.metadata;
    const account = `${namespace}/${serviceAccountOf(podSpecOf(pod) ?? {})}`;
    const listed = lists.get(account) ?? [];
    const secret = secretIn.get(namespace);
    const isValid = secret !== undefined && (tokenExpiry(secret) ?? 0) > clock.now();
    const missed = missedAccess(pod, failure, {
      registryHost,
      pullSecret,
      isMirrored: nodes.shallMirror(failure.image, pod),
      accountSecrets: coveredNames.has(account) ? [...listed, pullSecret] : listed,
      secretCreated: isValid ? secret.metadata.creationTimestamp : undefined,
    });
    return missed === undefined ? [] : [{ pod, missed, image: failure.image, listed }];
  });
  const [stored, states] = await Promise.all([
    imagesInEcr(
      found.map(({ image }) => image),
      registryHost,
      ctx,
    ),
    statesOf(
      found.flatMap(({ pod, missed }) => (missed === 'node-access' ? [nodeOf(pod)] : [])),
      ctx,
    ),
  ]);
  return found.flatMap(({ pod, missed, image, listed }): StuckPod[] => {
    const isStored = stored.has(image);
    const kept = whyKept(pod);
    const stuck = { pod, missed, ...(kept !== undefined && { kept }) };
    if (missed !== 'node-access') {
      const isReady = missed !== 'service-account' || listed.includes(pullSecret);
      return isStored ? [{ ...stuck, isReady }] : [];
    }
    const state = states.get(nodeOf(pod));
    const isReady = isStored && state === 'active' && nodes.isMirrored(image, pod);
    // A run copies images and starts agents. It does not change how a container runtime is configured.
    const isPlanned =
      planned.nodeAccess && !nodes.isLacking(image) && state !== 'inactive' && state !== 'skipped';
    return isReady || isPlanned ? [{ ...stuck, isReady }] : [];
  });
}

interface NodeMirrors {
  /** Whether the node of a pod pulls an image from ECR. */
  readonly isMirrored: (image: string, pod: KubeObject) => boolean;
  /** Whether it does so when the run is done. */
  readonly shallMirror: (image: string, pod: KubeObject) => boolean;
  /** Whether ECR does not have an image when the run is done. */
  readonly isLacking: (image: string) => boolean;
}

async function readNodeMirrors(ctx: NodesContext, { nodeAccess }: PlannedAccess): Promise<NodeMirrors> {
  const isMirrored = await mirroringForPods(ctx);
  if (!nodeAccess || !(await isNodeAccessOn(ctx))) {
    return { isMirrored, shallMirror: isMirrored, isLacking: () => false };
  }
  const hosts = await readUpstreamHosts(ctx);
  const lacking = new Set(hosts.flatMap(({ missing }) => missing.map(({ image }) => image)));
  return {
    isMirrored,
    shallMirror: await mirroringForPods(ctx, plannedHosts(hosts)),
    isLacking: (image) => lacking.has(formatReference(parseReference(image))),
  };
}

/** Those of the images that ECR has. */
async function imagesInEcr(
  names: readonly string[],
  registryHost: string,
  ctx: NodesContext,
): Promise<ReadonlySet<string>> {
  const images = new Map<string, WantedImage>();
  for (const name of names) {
    const reference = parseIfValid(name);
    const image = reference && ecrImage(reference, registryHost, ctx.config);
    if (image && !(image instanceof BootstrapError)) images.set(name, image);
  }
  const presence = await ctx.mirror.presence([...images.values()], 'all');
  const present = new Set(presence.flatMap(({ image, digest, error }) => (digest && !error ? [image] : [])));
  return new Set([...images].flatMap(([name, image]) => (present.has(image) ? [name] : [])));
}

/** The states of these nodes, by name. */
async function statesOf(
  names: readonly string[],
  ctx: NodesContext,
): Promise<ReadonlyMap<string, NodeAccess['state']>> {
  if (names.length === 0) return new Map();
  const nodes = (await ctx.inventory.nodes()).filter(({ metadata }) => names.includes(metadata.name));
  const states = await readNodeAccess(ctx, Promise.resolve(nodes));
  return new Map(states.map(({ name, state }) => [name, state]));
}

interface ContainerStatus {
  readonly restartCount?: number;
  readonly state?: { readonly running?: unknown; readonly terminated?: unknown };
  readonly lastState?: { readonly terminated?: unknown };
}

type Statuses = Readonly<
  Partial<
    Record<
      'initContainerStatuses' | 'containerStatuses' | 'ephemeralContainerStatuses',
      readonly ContainerStatus[]
    >
  >
>;

/** Whether a container of the pod runs or has run. Its work would be lost or repeated in a new pod. */
function hasStarted({ status }: KubeObject): boolean {
  const {
    initContainerStatuses = [],
    containerStatuses = [],
    ephemeralContainerStatuses = [],
  } = (status ?? {}) as Statuses;
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].some(
    ({ restartCount = 0, state, lastState }) =>
      restartCount > 0 || Boolean(state?.running ?? state?.terminated ?? lastState?.terminated),
  );
}

function whyKept(pod: KubeObject): string | undefined {
  const owner = workloadOf(pod);
  if (!owner) return 'no controller would create it again';
  if (owner.kind === 'Job') return 'its Job counts a deleted pod as a failure';
  return hasStarted(pod) ? 'one of its containers runs or has run' : undefined;
}

export type RestartChange = ChangeWith<{ readonly stuck: StuckPod }>;

const reasons: Readonly<Record<MissedAccess, string>> = {
  'service-account': 'created before its service account listed the pull secret',
  'pull-secret': 'created before its pull secret',
  'node-access': 'created before its node pulled from ECR',
};

export const diffStuckPods = (stuck: readonly StuckPod[]): Diff<RestartChange> => ({
  changes: stuck
    .filter(({ kept }) => kept === undefined)
    .map((one) => ({
      action: 'replace',
      target: targetOf(refOf(one.pod)),
      fields: [],
      reason: reasons[one.missed],
      postponable: true,
      payload: { stuck: one },
    })),
  findings: stuck.flatMap(({ pod, missed, kept }): Finding[] => {
    if (kept === undefined) return [];
    const target = targetOf(refOf(pod));
    const { name, namespace = '' } = pod.metadata;
    return [
      finding('pod-stuck', {
        target,
        what: `${nameOf(target)} was ${reasons[missed]}, and is not recreated`,
        why: kept,
        hint: `Run \`ecr-bootstrap why pod/${name} -n ${namespace}\`.`,
      }),
    ];
  }),
});

/** Concurrent requests. */
const concurrency = 8;
/** The kubelet changes the status of a pod with each attempt. */
const maxAttempts = 5;

/** Deletes the pods, and their controllers create them again. A pod that has started meanwhile stays. */
export async function restartPods(changes: readonly RestartChange[], run: NodesRun): Promise<Outcome[]> {
  const ready = changes.filter(({ payload }) => payload.stuck.isReady);
  const early = changes.filter(({ payload }) => !payload.stuck.isReady);
  const outcomes = await inParallel(concurrency, ready, run, ({ payload }) =>
    restart(payload.stuck.pod, run),
  );
  return [...tolerating(outcomes), ...skipped(early)];
}

async function restart(pod: KubeObject, { ctx }: NodesRun): Promise<string | undefined> {
  const { uid } = pod.metadata;
  for (let attempt = 1; ; attempt += 1) {
    const current = await listedObject(ctx.cluster, refOf(pod));
    if (current?.metadata.uid !== uid || !current) return 'it no longer exists';
    if (!isActive(current) || hasStarted(current) || !diagnosePod(current)) return 'it no longer waits';
    try {
      // With its version, so that a pod that has just started is not deleted.
      const { resourceVersion } = current.metadata;
      await ctx.cluster.delete(refOf(current), { uid, resourceVersion });
      return undefined;
    } catch (error) {
      if (!isConflict(error) || attempt === maxAttempts) throw error;
    }
  }
}
