import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { newestMessage } from '../../cluster/events.ts';
import { namespaceInfos, optsOut } from '../../cluster/inventory.ts';
import { isReady } from '../../cluster/nodes.ts';
import { listedObject } from '../../cluster/objects.ts';
import { diagnosePod, short, waitOf } from '../../cluster/pod-failure.ts';
import { podPullSecrets, pullSecretsOf } from '../../cluster/pull-secret-users.ts';
import {
  imagesOf,
  isFinished,
  isStaticPod,
  placementOf,
  podSpecOf,
  serviceAccountOf,
  workloadOf,
} from '../../cluster/workloads.ts';
import { BootstrapError, onlyBootstrapError } from '../../core/errors.ts';
import { matchesAny } from '../../core/globs.ts';
import { inspect } from '../../core/inspect.ts';
import { chosenPlatforms, formatPlatform } from '../../core/platform.ts';
import { ignoreLabel, operatorNamespace, probeHost } from '../../core/ownership.ts';
import { loginIn } from '../../external-secrets/pull-secret/objects.ts';
import { excluding } from '../../images/exclude.ts';
import { sourceOf, workloadReference } from '../../images/naming.ts';
import { canonical } from '../../images/operator.ts';
import { formatReference, parseReference, type Reference } from '../../images/reference.ts';
import { isOfRegistry } from '../../images/registry-alias.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { ecrImage, routeOf, type StoredImage, storedImage } from '../../mirror/pulled-images.ts';
import { isNodeAccessOn } from '../../nodes/access.ts';
import { readNodeAccess } from '../../nodes/agents.ts';
import { isUpstream } from '../../nodes/hosts.ts';
import { nodeFinding } from '../../nodes/ready.ts';
import { readUpstreamHosts } from '../../nodes/state.ts';
import { tokenFindings } from '../../nodes/token.ts';
import type { AnyStep, Context } from '../../steps/context.ts';
import { imagePullerKey } from '../../steps/image-puller-key.ts';
import { operator } from '../../steps/operator.ts';
import { pullSecretBootstrap } from '../../steps/pull-secret-bootstrap.ts';
import { pullSecretDistribution } from '../../steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../steps/pull-secret-refresh.ts';
import { imagePuller } from '../../steps/users.ts';
import {
  type AccessEvidence,
  type CheckedSecret,
  type Evidence,
  type ImageEvidence,
  isAbsent,
  isServing,
  known,
  type NodeEvidence,
  type PodEvidence,
  type Read,
  type SupplyFinding,
  type Upstream,
} from './evidence.ts';
import type { Found } from './find.ts';

const read = <T>(work: Promise<T>): Promise<Read<T>> => work.catch(onlyBootstrapError);

/** The registry and what nodes pull from it. */
interface Registry {
  readonly host: Read<string>;
  readonly mirrored: Read<readonly string[]>;
}

/** Reads everything about what was found, in parallel. What cannot be read is known to be unknown. */
export async function readEvidence(found: Found, ctx: Context): Promise<Evidence> {
  const { object, pod, title, users } = found;
  const carrier = pod ?? object;
  const nodeName = carrier && nodeOf(carrier);
  const [host, mirrored, podEvidence, refusal, nodeObject] = await Promise.all([
    read(ctx.registryHost()),
    read(ctx.inventory.mirroredHosts()),
    pod && readPod(pod, ctx),
    object && object !== pod ? readRefusal(object, pod !== undefined, ctx) : undefined,
    nodeName === undefined
      ? undefined
      : read(listedObject(ctx.cluster, { apiVersion: 'v1', kind: 'Node', name: nodeName })),
  ]);
  const registry = { host, mirrored };
  const node = nodeObject && known(nodeObject);
  const [images, nodeEvidence, access] = await Promise.all([
    Promise.all(
      imagesIn(found, podEvidence).map((image) =>
        readImage(
          image,
          { carrier, users, platform: platformOf(node) ?? selectedPlatform(carrier) },
          registry,
          ctx,
        ),
      ),
    ),
    nodeName === undefined ? undefined : readNode(nodeName, nodeObject, registry, ctx),
    carrier && podSpecOf(carrier) && !podEvidence?.isStatic ? readAccess(carrier, host, ctx) : undefined,
  ]);
  const image = images.find((one) => !isFine(one)) ?? images[0];
  const isPause = podEvidence?.failure?.isPause === true;
  const evidence: Evidence = {
    subject: title,
    ...(refusal !== undefined && { refusal }),
    users: isPause ? [`the container runtime of ${nodeName ?? ''}`] : users,
    supply: [],
    region: ctx.config.aws.region,
    project: ctx.config.project,
    ...(!(host instanceof BootstrapError) && { registryHost: host }),
    ...(podEvidence && { pod: podEvidence }),
    ...(image && { image }),
    ...(nodeEvidence && { node: nodeEvidence }),
    // Other registries, mirrors and the container runtime itself do not use the pull secret.
    ...(access && !isPause && (!image || known(image.route) === 'ecr') && { access }),
  };
  if (!lacksToken(evidence)) return evidence;
  return { ...evidence, supply: await readSupply(evidence.access?.namespace, ctx) };
}

interface ControllerStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
}

/** Why a controller could not create pods: by its status, or without a pod by the newest event about it. */
async function readRefusal(object: KubeObject, hasPod: boolean, ctx: Context): Promise<string | undefined> {
  const { namespace, name, uid = '' } = object.metadata;
  if (namespace === undefined) return undefined;
  const { conditions = [] } = (object['status'] ?? {}) as ControllerStatus;
  const failed = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failed) return short(failed.message ?? failed.type);
  if (hasPod || !wantsPods(object)) return undefined;
  // The pods of a CronJob are created by its Jobs, whose names begin with its own.
  const isCronJob = object.kind === 'CronJob';
  const about = isCronJob ? 'involvedObject.kind=Job' : `involvedObject.uid=${uid}`;
  const events = await warningsIn(namespace, `${about},reason=FailedCreate`, ctx);
  const isAbout = (event: KubeObject): boolean => {
    const { involvedObject } = event as { readonly involvedObject?: { readonly name?: string } };
    return !isCronJob || involvedObject?.name?.replace(/-[^-]*$/, '') === name;
  };
  const message = newestMessage(events.filter(isAbout));
  return message === undefined ? undefined : short(message);
}

/** Warnings of a namespace that a field selector chooses, or none if they cannot be read. */
async function warningsIn(
  namespace: string,
  selector: string,
  { cluster }: Context,
): Promise<readonly KubeObject[]> {
  const fieldSelector = `${selector},type=Warning`;
  const events = await read(cluster.list({ apiVersion: 'v1', kind: 'Event' }, { namespace, fieldSelector }));
  return known(events) ?? [];
}

/** An event stays for an hour, so it may be older than the present state. */
function wantsPods(object: KubeObject): boolean {
  const { replicas, suspend } = (object['spec'] ?? {}) as {
    readonly replicas?: number;
    readonly suspend?: boolean;
  };
  const { completionTime, desiredNumberScheduled } = (object['status'] ?? {}) as {
    readonly completionTime?: string;
    readonly desiredNumberScheduled?: number;
  };
  return replicas !== 0 && !suspend && completionTime === undefined && desiredNumberScheduled !== 0;
}

/** The images of one object that are looked up. */
const maxImages = 10;

/** The image that fails or that was named; without one, all of them. */
function imagesIn({ object, pod, image }: Found, evidence: PodEvidence | undefined): readonly string[] {
  const failing = evidence?.failure?.image;
  if (failing !== undefined) return [failing];
  if (image !== undefined) return [image];
  return imagesOf(pod ?? object ?? nothing).slice(0, maxImages);
}

const nothing: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: '' } };

const isFine = ({ route, inEcr }: ImageEvidence): boolean =>
  known(inEcr)?.state === 'present' && /^(ecr|mirror)$/.test(known(route) ?? '');

function nodeOf(object: KubeObject): string | undefined {
  return object.kind === 'Node' ? object.metadata.name : placementOf(object).nodes[0];
}

interface PodStatus {
  readonly phase?: string;
}

async function readPod(pod: KubeObject, ctx: Context): Promise<PodEvidence> {
  const { namespace = '', uid = '' } = pod.metadata;
  const warnings = await warningsIn(namespace, `involvedObject.uid=${uid}`, ctx);
  const { phase } = (pod['status'] ?? {}) as PodStatus;
  const failure = diagnosePod(pod, warnings);
  const wait = waitOf(pod);
  const warning = newestMessage(warnings);
  const workload = workloadOf(pod);
  return {
    object: pod,
    ...(workload && { workload }),
    isStatic: isStaticPod(pod),
    isRunning: !isFinished(pod) && phase === 'Running' && failure === undefined && isReady(pod),
    ...(failure && { failure }),
    ...(wait !== undefined && { wait }),
    ...(warning !== undefined && { warning: short(warning) }),
  };
}

interface NodeStatus {
  readonly nodeInfo?: { readonly operatingSystem?: string; readonly architecture?: string };
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

const statusOf = (node: KubeObject | undefined): NodeStatus => node?.['status'] ?? {};

function platformOf(node: KubeObject | undefined): string | undefined {
  const { operatingSystem, architecture } = statusOf(node).nodeInfo ?? {};
  return operatingSystem && architecture ? `${operatingSystem}/${architecture}` : undefined;
}

/** The platform of the nodes that a template selects. */
function selectedPlatform(carrier: KubeObject | undefined): string | undefined {
  const { nodeSelector = {} } = ((carrier && podSpecOf(carrier)) ?? {}) as {
    readonly nodeSelector?: Readonly<Record<string, string>>;
  };
  const architecture = nodeSelector['kubernetes.io/arch'];
  return architecture === undefined
    ? undefined
    : `${nodeSelector['kubernetes.io/os'] ?? 'linux'}/${architecture}`;
}

interface ImageUse {
  readonly carrier: KubeObject | undefined;
  readonly users: readonly string[];
  readonly platform: string | undefined;
}

async function readImage(
  name: string,
  { carrier, users, platform }: ImageUse,
  { host, mirrored }: Registry,
  ctx: Context,
): Promise<ImageEvidence> {
  const container = containerOf(carrier, name);
  const base = { name, ...(container !== undefined && { container }) };
  const route = routeFrom(name, { host, mirrored }, ctx);
  const reference = readReference(name);
  if (reference instanceof BootstrapError) {
    return { ...base, invalid: reference.why, route, isExcluded: false, inEcr: reference };
  }
  if (host instanceof BootstrapError) {
    return { ...base, host: reference.host, route, isExcluded: false, inEcr: host };
  }
  const naming = { project: ctx.config.project, map: ctx.config.images.map };
  const source = isOfRegistry(reference, host) ? sourceOf(reference, naming) : reference;
  const image = ecrImage(reference, host, ctx.config);
  const isOnInternet = known(route) === 'internet' && known(await read(isNodeAccessOn(ctx))) === true;
  const inEcr =
    image instanceof BootstrapError
      ? image
      : await read(storedFor(image, platform, source !== undefined, ctx));
  const wanted = isAbsent({ inEcr }) && source && !(image instanceof BootstrapError) ? image : undefined;
  const unavailable =
    wanted &&
    source &&
    (await whyUnavailable({ ...wanted, source: formatReference(source), wantedBy: users }, ctx));
  return {
    ...base,
    route,
    host: reference.host,
    isExcluded: source !== undefined && excluding(ctx.config.images.exclude)(source),
    ...(source && { source: formatReference(source) }),
    ...(!(image instanceof BootstrapError) && { instead: workloadReference(host, image, reference) }),
    inEcr,
    ...(unavailable && { unavailable }),
    ...(isOnInternet && { upstream: await read(upstreamOf(reference, ctx)) }),
  };
}

/**
 * What ECR has for the platform of the node. Without a node, what it has of a copy for all platforms of the cluster: for
 * these `mirror` copies it.
 */
async function storedFor(
  image: WantedImage,
  platform: string | undefined,
  isCopy: boolean,
  ctx: Context,
): Promise<StoredImage> {
  const known = await storedImage(image, platform, ctx);
  if (platform !== undefined || !isCopy || known.state !== 'present') return known;
  const platforms = await read(ctx.platforms());
  if (platforms instanceof BootstrapError || platforms === 'all') return known;
  const all = await Promise.all(
    chosenPlatforms(platforms).map((one) => storedImage(image, formatPlatform(one), ctx)),
  );
  return all.find(({ state }) => state === 'no-platform') ?? known;
}

/** Milliseconds that a source has to answer. */
const sourceMs = 2000;

async function whyUnavailable(
  image: WantedImage,
  { mirror, config }: Context,
): Promise<BootstrapError | undefined> {
  const signal = AbortSignal.timeout(sourceMs);
  try {
    return (await mirror.unavailable([image], { engine: config.mirror.engine, signal })).get(image);
  } catch (error) {
    if (signal.aborted || error instanceof BootstrapError) return undefined;
    throw error;
  }
}

/** @see ImageEvidence.upstream */
async function upstreamOf({ host }: Reference, ctx: Context): Promise<Exclude<Upstream, BootstrapError>> {
  if (!isUpstream(host)) return 'unsupported';
  const { hosts } = ctx.config.nodes;
  if (hosts !== 'auto' && !hosts.includes(host)) return 'unlisted';
  const known = await readUpstreamHosts(ctx);
  return known.find((one) => one.host === host) ?? { host, isMirrored: false, pending: [], missing: [] };
}

function routeFrom(name: string, { host, mirrored }: Registry, { config }: Context): ImageEvidence['route'] {
  if (host instanceof BootstrapError) return host;
  if (mirrored instanceof BootstrapError) return mirrored;
  // The agents themselves are pulled like the images of the hosts that they mirror.
  return routeOf(name, host, mirrored.length > 0 ? [...mirrored, probeHost] : mirrored, config);
}

function readReference(name: string) {
  try {
    return canonical(parseReference(name));
  } catch (error) {
    return onlyBootstrapError(error);
  }
}

interface Containers {
  readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  readonly initContainers?: Containers['containers'];
}

function containerOf(carrier: KubeObject | undefined, image: string): string | undefined {
  const { containers = [], initContainers = [] } = ((carrier && podSpecOf(carrier)) ?? {}) as Containers;
  return [...initContainers, ...containers].find((one) => one.image === image)?.name;
}

async function readNode(
  name: string,
  object: Read<KubeObject | undefined>,
  { mirrored }: Registry,
  ctx: Context,
): Promise<NodeEvidence> {
  const node = known(object);
  const hasFiles = (known(mirrored) ?? []).length > 0;
  const [access, refused] = await Promise.all([
    object instanceof BootstrapError
      ? object
      : node && hasFiles
        ? read(readNodeAccess(ctx, Promise.resolve([node])))
        : [],
    hasFiles ? read(tokenFindings(ctx)) : [],
  ]);
  const state = access instanceof BootstrapError ? access : access[0];
  const finding = state && !(state instanceof BootstrapError) ? nodeFinding(state) : undefined;
  return {
    name,
    object,
    isReady: isReady(node),
    hasDiskPressure: (statusOf(node).conditions ?? []).some(
      ({ type, status }) => type === 'DiskPressure' && status === 'True',
    ),
    mirrored,
    access: state,
    isTokenRefused: refused instanceof BootstrapError ? refused : refused.length > 0,
    ...(finding && { finding }),
  };
}

/** The pull secrets of a pod that are read. */
const maxSecrets = 6;

async function readAccess(
  carrier: KubeObject,
  registryHost: Read<string>,
  ctx: Context,
): Promise<AccessEvidence> {
  const { cluster, config } = ctx;
  const { namespace = '' } = carrier.metadata;
  const spec = podSpecOf(carrier) ?? {};
  const accountName = serviceAccountOf(spec);
  const { name: pullSecret } = config.pullSecret;
  const accountRead = read(
    listedObject(cluster, { apiVersion: 'v1', kind: 'ServiceAccount', name: accountName, namespace }),
  );
  const namespaceRead = read(listedObject(cluster, { apiVersion: 'v1', kind: 'Namespace', name: namespace }));
  const account = await accountRead;
  const lists = pullSecretsOf(known(account) ?? nothing);
  const own = podPullSecrets(spec);
  // Pods get the list of their service account when they are created.
  const listed = carrier.kind === 'Pod' || own.length > 0 ? own : lists;
  const isAccepted = async (secret: KubeObject): Promise<CheckedSecret['login']> => {
    if (registryHost instanceof BootstrapError) return registryHost;
    const login = loginIn(secret, registryHost);
    if (!login) return undefined;
    return (await ctx.isLoginAccepted(registryHost, login)) ? 'accepted' : 'refused';
  };
  const check = async (name: string): Promise<CheckedSecret> => {
    const object = await read(cluster.get({ apiVersion: 'v1', kind: 'Secret', name, namespace }));
    const secret = known(object);
    return { name, object, login: secret && (await read(isAccepted(secret))) };
  };
  const [secrets, namespaceObject] = await Promise.all([
    Promise.all([...new Set([pullSecret, ...listed])].slice(0, maxSecrets).map(check)),
    namespaceRead,
  ]);
  const exclusion = exclusionOf(known(namespaceObject), config.namespaces.exclude);
  return {
    pullSecret,
    namespace,
    account: {
      name: accountName,
      object: account,
      lists,
      isExcluded:
        matchesAny(config.serviceAccounts.exclude)(`${namespace}/${accountName}`) ||
        optsOut(known(account) ?? nothing),
    },
    listed,
    secrets,
    now: ctx.clock.now(),
    ...(exclusion !== undefined && { exclusion }),
  };
}

function exclusionOf(namespace: KubeObject | undefined, exclude: readonly string[]): string | undefined {
  if (!namespace) return undefined;
  const [info] = namespaceInfos([namespace], exclude);
  if (info?.terminating) return 'it is being deleted';
  if (!info?.ignored) return undefined;
  return optsOut(namespace) ? `its label ${ignoreLabel}` : 'namespaces.exclude in the configuration';
}

/** Whether a token is missing, expired or refused although something should renew it. */
function lacksToken({ access, node, image }: Evidence): boolean {
  const route = image && known(image.route);
  const isTokenOfNode = route === 'mirror' || image === undefined;
  const isNodeWithout =
    node !== undefined &&
    (known(node.isTokenRefused) === true || /^(failing|starting)$/.test(known(node.access)?.state ?? ''));
  if (isTokenOfNode && isNodeWithout) return true;
  if (!access || access.exclusion !== undefined) return false;
  const managed = access.secrets.find(({ name }) => name === access.pullSecret);
  return managed !== undefined && !isServing(managed, access.now);
}

/** What supplies tokens, from the key in AWS to the copies in namespaces. */
const supplySteps: readonly AnyStep[] = [
  imagePuller,
  imagePullerKey,
  operator,
  pullSecretRefresh,
  pullSecretBootstrap,
  pullSecretDistribution,
];

/** Findings that say only that a token is missing. */
const symptoms = /^(token-|namespace-uncovered$)/;

/** What `status` reports about the steps that supply tokens, without what is about other namespaces. */
async function readSupply(namespace: string | undefined, ctx: Context): Promise<readonly SupplyFinding[]> {
  const all = (await inspect(supplySteps, ctx)).flatMap(({ step, findings }) =>
    findings.map((finding) => ({ step, finding })),
  );
  const relevant = all.filter(({ finding: { level, target } }) => {
    const where = namespaceOf(target);
    return level === 'failed' && (where === undefined || where === namespace || where === operatorNamespace);
  });
  // A namespace that rejects its copy has a fix of its own, and nothing before it does.
  const isRejection = ({ finding }: SupplyFinding): boolean =>
    finding.code === 'namespace-uncovered' && finding.hint !== 'Run `ecr-bootstrap up`.';
  return [...relevant.filter(isRejection), ...relevant.filter(({ finding }) => !symptoms.test(finding.code))];
}

function namespaceOf({ kind, name }: { readonly kind: string; readonly name: string }): string | undefined {
  if (kind === 'Namespace') return name;
  const isNamespaced = /^(Secret|ExternalSecret|SecretStore|ServiceAccount|Deployment|Pod|Service)$/.test(
    kind,
  );
  return isNamespaced && name.includes('/') ? name.split('/')[0] : undefined;
}
