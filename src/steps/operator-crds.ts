import type { ClusterPort, Kind, KubeObject } from '../clients/kubernetes/port.ts';
import type { OperatorManifest } from '../external-secrets/release/port.ts';
import { patchCrds } from '../external-secrets/release/operator.ts';
import { releasedRefs } from '../external-secrets/release/release.ts';
import type { Finding } from '../core/findings.ts';
import { waitFor } from '../core/wait.ts';
import type { Context, Run, Step } from './context.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeManaged,
  observeObjects,
} from '../cluster/objects.ts';
import { annotations, managedBy, operatorNamespace } from '../core/ownership.ts';
import {
  findControllers,
  helmFindings,
  otherOperatorFindings,
} from '../external-secrets/crds/other-operators.ts';
import { removeCrds } from '../external-secrets/crds/remove.ts';
import { finding } from '../core/findings.ts';

export interface OperatorCrdsState extends ObjectsState {
  /** Deployments of the operator, in any namespace. */
  readonly controllers: readonly KubeObject[];
  /** Kinds that we write and the cluster does not serve. */
  readonly unserved: readonly Kind[];
  /** The YAML that they are made from; undefined when the operator is somebody else's. */
  readonly yaml: Pick<OperatorManifest, 'from' | 'sha256'> | undefined;
}

const group = 'external-secrets.io/v1beta1';

/** The kinds that we write. */
const kinds: readonly Kind[] = [
  { apiVersion: group, kind: 'ExternalSecret' },
  { apiVersion: group, kind: 'SecretStore' },
  { apiVersion: group, kind: 'ClusterSecretStore' },
  { apiVersion: group, kind: 'ClusterExternalSecret' },
  { apiVersion: 'generators.external-secrets.io/v1alpha1', kind: 'ECRAuthorizationToken' },
];

/** Milliseconds; definitions are served about a second after they were applied. */
const deadlineMs = 60_000;

export const operatorCrds: Step<OperatorCrdsState> = {
  id: 'operator-crds',
  title: 'External Secrets Operator CRDs',
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['apiextensions.k8s.io'],
      resources: ['customresourcedefinitions'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['list'] },
  ],
  removalRights: [
    {
      apiGroups: ['external-secrets.io', 'generators.external-secrets.io'],
      resources: ['*'],
      verbs: ['list'],
    },
  ],

  async observe(ctx) {
    const { cluster, config, operatorSource } = ctx;
    const [yaml, objects, controllers, unserved] = await Promise.all([
      config.externalSecrets.install ? operatorSource.load() : undefined,
      wantedCrds(ctx).then((wanted) => observeObjects(cluster, wanted)),
      config.externalSecrets.install ? findControllers(cluster) : [],
      findUnserved(cluster),
    ]);
    return { ...objects, yaml, controllers, unserved };
  },

  diff(state, { config }) {
    if (!config.externalSecrets.install) return { changes: [], findings: unservedFindings(state.unserved) };
    const findings = otherOperatorFindings(state.controllers, state.unserved.length === 0);
    if (findings.length > 0) return { changes: [], findings };
    const { changes, findings: others } = diffObjects(state);
    return { changes, findings: [...yamlFinding(state), ...others, ...helmFindings(state.controllers)] };
  },

  async apply(changes, state, run) {
    const outcomes = await applyObjects(changes, state, run);
    run.ctx.cluster.forgetKinds();
    return outcomes;
  },

  async ready({ wanted }, run) {
    if (wanted.length > 0) await waitUntilServed(run);
  },

  render: wantedCrds,

  observeRemoval: async ({ cluster }) => {
    const refs = releasedRefs(operatorNamespace).filter(({ kind }) => kind === 'CustomResourceDefinition');
    return { ...(await observeManaged(cluster, refs)), yaml: undefined, controllers: [], unserved: [] };
  },

  remove: removeCrds,
};

async function wantedCrds({ config, operatorSource }: Context): Promise<KubeObject[]> {
  if (!config.externalSecrets.install) return [];
  const manifest = await operatorSource.load();
  return patchCrds(manifest, { namespace: operatorNamespace, labels: managedBy, annotations });
}

/** Which YAML it is, for whoever wants to compare the checksum. */
function yamlFinding({ yaml }: OperatorCrdsState): Finding[] {
  if (!yaml) return [];
  return [
    finding('operator-manifest', {
      target: { kind: 'file', name: yaml.from },
      what: `YAML of ${yaml.from}, SHA-256 ${yaml.sha256}`,
      why: 'it is what the operator is made from',
      hint: 'Pin it by externalSecrets.sha256.',
    }),
  ];
}

async function findUnserved(cluster: ClusterPort): Promise<Kind[]> {
  const served = await Promise.all(kinds.map((kind) => cluster.serves(kind)));
  return kinds.filter((_, index) => !served[index]);
}

async function waitUntilServed(run: Run): Promise<void> {
  const { cluster } = run.ctx;
  const hint =
    'See what the API server says about them: kubectl describe crd externalsecrets.external-secrets.io';
  await waitFor(
    run,
    { what: 'the CRDs to be served', deadlineMs, intervalMs: 250, hint },
    async (pending) => {
      const unserved = await findUnserved(cluster);
      if (unserved.length === 0) return true;
      cluster.forgetKinds();
      return pending(`not served yet: ${unserved.map(nameOf).join(', ')}`);
    },
  );
}

const nameOf = ({ apiVersion, kind }: Kind): string => `${kind} ${apiVersion}`;

function unservedFindings(unserved: readonly Kind[]): Finding[] {
  const [first] = unserved;
  if (first === undefined) return [];
  return [
    finding('operator-api', {
      target: { kind: 'CustomResourceDefinition', name: nameOf(first) },
      what: `the cluster does not serve ${unserved.map(nameOf).join(', ')}`,
      why: 'externalSecrets.install is false, and the operator that is there is missing or of another version',
      hint: 'Install a version that serves it (v1beta1 is gone from 0.17 on), or set externalSecrets.install: true.',
      blocking: true,
    }),
  ];
}
