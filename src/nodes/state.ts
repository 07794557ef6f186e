import type { KubeObject } from '../clients/kubernetes/port.ts';
import { agentRef, filesKind, isCrio, isLinux, isSelected, runtimeOf } from '../cluster/nodes.ts';
import { observeManaged, type ObjectsState } from '../cluster/objects.ts';
import { operatorApi } from '../cluster/operator-api.ts';
import type { Config } from '../config/schema.ts';
import { ecrReference } from '../images/naming.ts';
import { originOf } from '../images/wanted.ts';
import { setupFindings } from '../access-key/bootstrap/namespace-annotations.ts';
import { BootstrapError, onlyBootstrapError } from '../core/errors.ts';
import type { Finding } from '../core/findings.ts';
import { operatorNamespace, probeHost } from '../core/ownership.ts';
import { type ImagePresence, imagePresence } from '../mirror/images.ts';
import { isNodeAccessOn } from './access.ts';
import type { NodesContext } from './context.ts';
import { completeHosts, plannedHosts, type UpstreamHost, upstreamHosts } from './hosts.ts';
import { nodeAccessObjects, nodeAccessRefs } from './objects.ts';

export interface NodeAccessState extends ObjectsState {
  readonly isOn: boolean;
  readonly hosts: readonly UpstreamHost[];
  /** The number of nodes that the configuration selects. */
  readonly nodeCount: number;
  /** How many of them run CRI-O. */
  readonly crioCount: number;
  /** Nodes with an agent that the configuration no longer selects. */
  readonly deselected: readonly string[];
  /** The ExternalSecret for the hosts that are complete, without those whose images are still to be copied. */
  readonly files?: KubeObject;
  /** Why it is unknown which images ECR has. */
  readonly error?: BootstrapError;
  /** The cluster is set up for another project or registry. */
  readonly conflicts: readonly Finding[];
  /** The image without which the agent cannot start, if ECR does not have it. */
  readonly missingImage?: string;
}

/** If node access is off, the state has the objects to delete. */
export async function observeNodeAccess(ctx: NodesContext): Promise<NodeAccessState> {
  if (!(await isNodeAccessOn(ctx))) return observeForRemoval(ctx);
  const { config, cluster, inventory } = ctx;
  const [api, objects, registryHost, presence, nodes, home] = await Promise.all([
    operatorApi(cluster),
    nodeAccessRefs(cluster).then((refs) => Promise.all(refs.map((ref) => cluster.get(ref)))),
    ctx.registryHost(),
    // The agents work while AWS is unreachable, so their health is reported then too.
    imagePresence(ctx).catch(onlyBootstrapError),
    inventory.nodes(),
    cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: operatorNamespace }),
  ]);
  const base = { ...nothing, isOn: true, wanted: [], unwanted: [] };
  if (presence instanceof BootstrapError) return { ...base, error: presence };
  const actual = (kind: string) => objects.find((object) => object?.kind === kind);
  const agent = actual(agentRef.kind);
  const hosts = await readUpstreamHosts(ctx);
  const images = agentImages(presence, registryHost, agent);
  const selected = nodes.filter((node) => isLinux(node) && isSelected(node, config.nodes.nodeSelector));
  const crioCount = selected.filter((node) => isCrio(runtimeOf(node))).length;
  const hasCrio = crioCount > 0;
  const objectsFor = (chosen: readonly string[]) =>
    nodeAccessObjects({ config, operatorApi: api, registryHost, hosts: chosen, hasCrio, ...images });
  const [planned, complete] = await Promise.all([
    objectsFor(plannedHosts(hosts)),
    objectsFor(completeHosts(hosts)),
  ]);
  const files = complete.find(({ kind }) => kind === filesKind);
  return {
    ...base,
    wanted: planned.map((desired) => ({ desired, actual: actual(desired.kind) })),
    hosts,
    nodeCount: selected.length,
    crioCount,
    conflicts: setupFindings({ project: config.project, registryHost }, home),
    deselected: deselectedNodes(nodes, agent, config),
    ...(files && { files }),
    ...(images.missing !== undefined && { missingImage: images.missing }),
  };
}

/** The registries of the images that the cluster uses, and what ECR lacks of each. */
export async function readUpstreamHosts(ctx: NodesContext): Promise<readonly UpstreamHost[]> {
  const { inventory, config } = ctx;
  const [registryHost, presence, sources, pause, mirrored] = await Promise.all([
    ctx.registryHost(),
    imagePresence(ctx),
    inventory.imageSources(),
    inventory.pauseImages(),
    inventory.mirroredHosts(),
  ]);
  return upstreamHosts({ registryHost, users: [...sources, ...pause], presence, mirrored }, config);
}

export const observeForRemoval = async ({ cluster }: NodesContext): Promise<NodeAccessState> => ({
  ...(await observeManaged(cluster, await nodeAccessRefs(cluster))),
  ...nothing,
  isOn: false,
});

const nothing = { hosts: [], nodeCount: 0, crioCount: 0, deselected: [], conflicts: [] } as const;

function deselectedNodes(
  nodes: readonly KubeObject[],
  agent: KubeObject | undefined,
  { nodes: { nodeSelector } }: Config,
): readonly string[] {
  const current = templateOf(agent)?.nodeSelector;
  if (!current) return [];
  return nodes
    .filter((node) => isSelected(node, current) && !isSelected(node, nodeSelector))
    .map(({ metadata }) => metadata.name);
}

interface AgentImages {
  readonly agentImage: string;
  readonly probeImage: string;
  readonly missing?: string;
}

/**
 * The same image with both names, by its digest in ECR, because an image that others can change could redirect every
 * pull of a node. Until ECR has it, the images are those of the existing DaemonSet.
 */
function agentImages(
  presence: readonly ImagePresence[],
  registryHost: string,
  agent: KubeObject | undefined,
): AgentImages {
  const copy = presence.find(({ image }) => image.copyOf !== undefined);
  if (!copy) throw new Error('the image of the agent is wanted while node access is on');
  const { image, digest } = copy;
  if (digest !== undefined) {
    return {
      agentImage: `${registryHost}/${image.repository}@${digest}`,
      probeImage: `${probeHost}/probe@${digest}`,
    };
  }
  const current = imagesOf(agent);
  return {
    agentImage: current.agent ?? ecrReference(registryHost, image),
    probeImage: current.probe ?? image.source,
    missing: originOf(image),
  };
}

const imagesOf = (agent: KubeObject | undefined): { readonly agent?: string; readonly probe?: string } =>
  Object.fromEntries((templateOf(agent)?.containers ?? []).map(({ name, image }) => [name, image]));

interface PodSpec {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly containers?: readonly { readonly name: string; readonly image?: string }[];
}

const templateOf = (agent: KubeObject | undefined): PodSpec | undefined =>
  (agent?.['spec'] as { template?: { spec?: PodSpec } } | undefined)?.template?.spec;
