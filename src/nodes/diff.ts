import { agentRef, filesKind } from '../cluster/nodes.ts';
import { diffObjects, type ObjectChange, removeObjects } from '../cluster/objects.ts';
import type { BootstrapError } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { labeled } from '../core/labels.ts';
import type { Diff } from '../core/step.ts';
import { type MissingImage, plannedHosts, type UpstreamHost } from './hosts.ts';
import type { NodeAccessState } from './state.ts';

/** If node access is off, the changes remove it. */
export function diffNodeAccess(state: NodeAccessState): Diff<ObjectChange> {
  if (!state.isOn) return removeNodeAccess(state);
  if (state.error) return { changes: [], findings: [notChecked(state.error)] };
  const { changes, findings } = diffObjects(state);
  const onDeselected = effectOnDeselected(state);
  const effects = new Map<string, Pick<ObjectChange, 'reason' | 'warning'>>([
    [filesKind, effectOf(state)],
    [agentRef.kind, onDeselected === undefined ? {} : { reason: onDeselected }],
  ]);
  const kindOf = ({ payload }: ObjectChange): string => payload.applies?.kind ?? '';
  const explained = changes.map((change) => ({ ...change, ...effects.get(kindOf(change)) }));
  return {
    changes: labeled(explained, (change) => (kindOf(change) === filesKind ? labelOf(state) : undefined)),
    findings: [...findings, ...state.conflicts, ...state.hosts.flatMap(hostFindings)],
  };
}

function effectOnDeselected({ deselected }: NodeAccessState): string | undefined {
  const [first, ...others] = deselected;
  if (first === undefined) return undefined;
  const nodes = others.length === 0 ? `node ${first}` : `${deselected.length} nodes, for example ${first}`;
  return `first removes the files from ${nodes}, which nodes.nodeSelector no longer selects`;
}

/** Without nodes, the plan and the health would look as if everything worked. */
export const noNodeFinding: Finding = finding('node-skipped', {
  target: { kind: 'step', name: 'node-access' },
  what: 'no node pulls from ECR',
  why: 'nodes.nodeSelector selects no Linux node',
  hint: 'Correct nodes.nodeSelector, or set nodes.access: off.',
});

/** Blocks a run, like an observation that failed. The health of the agents is reported all the same. */
const notChecked = ({ what, why, hint }: BootstrapError): Finding =>
  finding('not-checked', { target: { kind: 'step', name: 'node-access' }, what, why, hint, blocking: true });

export function removeNodeAccess(state: NodeAccessState): Diff<ObjectChange> {
  const { changes, findings } = removeObjects(state);
  const warning = 'first removes its files from nodes, which then need the internet for public images';
  return {
    changes: changes.map((change) =>
      change.payload.deletes?.kind === agentRef.kind ? { ...change, warning } : change,
    ),
    findings,
  };
}

/** What the changes mean for nodes. */
function effectOf({
  hosts,
  nodeCount,
  crioCount,
}: NodeAccessState): Pick<ObjectChange, 'reason' | 'warning'> {
  const names = plannedHosts(hosts);
  if (names.length === 0) return { reason: noRegistry };
  const files = names.length === 1 ? names.join('') : `{${names.join(',')}}`;
  const writes = [
    [`/etc/containerd/certs.d/${files}/hosts.toml`, nodeCount - crioCount] as const,
    [`/etc/containers/registries.conf.d/ecr-bootstrap-${files}.conf`, crioCount] as const,
  ].filter(([, count]) => count > 0 || nodeCount === 0);
  return {
    reason: `writes ${writes.map(([path, count]) => `${path} on ${nodesText(count)}`).join(' and ')}`,
    warning: `pulls from ${names.join(', ')} that are not in ECR will fail`,
  };
}

function labelOf({ hosts, nodeCount }: NodeAccessState): string {
  const names = plannedHosts(hosts);
  if (names.length === 0) return noRegistry;
  const registries = names.length === 1 ? names.join('') : `${names.length} upstream registries`;
  return `${nodesText(nodeCount)}, ${registries}`;
}

const noRegistry = 'no registry yet';
const nodesText = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);

/** Reports a registry that cannot be mirrored, and missing images of one that is mirrored. */
function hostFindings({ host, isMirrored, missing }: UpstreamHost): Finding[] {
  if (isMirrored) return missing.map((one) => missingFinding(host, one));
  return notMirroredFinding(host, missing);
}

export function notMirroredFinding(host: string, missing: readonly MissingImage[]): Finding[] {
  const [first, ...others] = missing;
  if (!first) return [];
  const images = missing.slice(0, maxShown).map(({ image }) => image);
  const more = missing.length > maxShown ? ` and ${missing.length - maxShown} more` : '';
  return [
    finding('host-not-mirrored', {
      target: { kind: 'registry', name: host },
      what: `nodes still pull ${host} from the internet because of ${images.join(', ')}${more}`,
      why: others.length === 0 ? first.why : `for example ${first.image}: ${first.why}`,
      hint: `${asSentence(first.hint)} Then run \`ecr-bootstrap up\`.`,
      ...(others.length === 0 && { causedBy: { kind: 'image', name: first.image } }),
    }),
  ];
}

/** Hints end with a period, unless they end with a command. */
export const asSentence = (hint: string): string => (hint.endsWith('.') ? hint : `${hint}.`);

const missingFinding = (host: string, { image, why, hint }: MissingImage): Finding =>
  finding('mirrored-image-missing', {
    target: { kind: 'image', name: image },
    what: `nodes pull ${host} from ECR, which does not have ${image}`,
    why,
    hint,
    causedBy: { kind: 'image', name: image },
  });

/** Images listed in one finding. */
const maxShown = 5;

export const filesLeft = (name: string, why: string): Finding =>
  finding('node-files-left', {
    target: { kind: 'Node', name },
    what: `node ${name} keeps the files of ecr-bootstrap`,
    why: `${why}; their token expires within 12 hours, and pulls from these registries then fail there`,
    hint: `Remove them there as root, for example: ecr-bootstrap render node --remove | ssh ${name} sudo sh`,
  });
