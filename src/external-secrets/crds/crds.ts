import type { ClusterPort, Kind, KubeObject } from '../../clients/kubernetes/port.ts';
import { type ObjectsState, observeManaged, observeObjects } from '../../cluster/objects.ts';
import { operatorKind, operatorKinds } from '../../cluster/operator-api.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { annotations, managedBy, operatorNamespace, operatorVersion } from '../../core/ownership.ts';
import { waitFor } from '../../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { patchCrds } from '../release/operator.ts';
import type { OperatorManifest } from '../release/port.ts';
import { releasedRefs } from '../release/release.ts';
import { findControllers } from './other-operators.ts';

export interface CrdsState extends ObjectsState {
  /** Deployments of the operator's controller, in any namespace. */
  readonly controllers: readonly KubeObject[];
  /** Kinds that ecr-bootstrap uses and the cluster does not serve. */
  readonly unserved: readonly Kind[];
  /** Undefined when ecr-bootstrap does not install the operator. */
  readonly manifest: Pick<OperatorManifest, 'from' | 'sha256'> | undefined;
}

/** An API server serves a CRD about a second after it was applied. */
const deadlineMs = 60_000;

export async function observeCrds(ctx: ExternalSecretsContext): Promise<CrdsState> {
  const { cluster, config, operatorSource } = ctx;
  const [manifest, objects, controllers, unserved] = await Promise.all([
    config.externalSecrets.install ? operatorSource.load() : undefined,
    wantedCrds(ctx).then((wanted) => observeObjects(cluster, wanted)),
    config.externalSecrets.install ? findControllers(cluster) : [],
    findUnserved(cluster),
  ]);
  return { ...objects, manifest, controllers, unserved };
}

export async function observeCrdsForRemoval({ cluster }: ExternalSecretsContext): Promise<CrdsState> {
  const refs = releasedRefs(operatorNamespace).filter(({ kind }) => kind === 'CustomResourceDefinition');
  return { ...(await observeManaged(cluster, refs)), manifest: undefined, controllers: [], unserved: [] };
}

export async function wantedCrds({ config, operatorSource }: ExternalSecretsContext): Promise<KubeObject[]> {
  if (!config.externalSecrets.install) return [];
  const manifest = await operatorSource.load();
  return patchCrds(manifest, { namespace: operatorNamespace, labels: managedBy, annotations });
}

/** The kinds that ecr-bootstrap uses, and that the cluster does not serve. */
async function findUnserved(cluster: ClusterPort): Promise<Kind[]> {
  const usedKinds: readonly Kind[] = [
    ...(await Promise.all(operatorKinds.map((kind) => operatorKind(cluster, kind)))),
    { apiVersion: 'generators.external-secrets.io/v1alpha1', kind: 'ECRAuthorizationToken' },
  ];
  const served = await Promise.all(usedKinds.map((kind) => cluster.serves(kind)));
  return usedKinds.filter((_, index) => !served[index]);
}

export async function waitUntilServed(run: ExternalSecretsRun): Promise<void> {
  const { cluster } = run.ctx;
  const wait = {
    what: 'the CRDs to be served',
    deadlineMs,
    intervalMs: 250,
    hint: 'Check their conditions: kubectl describe crd externalsecrets.external-secrets.io',
  };
  await waitFor(run, wait, async (pending) => {
    const unserved = await findUnserved(cluster);
    if (unserved.length === 0) return true;
    cluster.forgetKinds();
    return pending(`not served yet: ${unserved.map(kindText).join(', ')}`);
  });
}

const kindText = ({ apiVersion, kind }: Kind): string => `${kind} ${apiVersion}`;

/** Shows the checksum, so that users can verify and pin the release manifest. */
export function manifestFindings({ manifest }: CrdsState): Finding[] {
  if (!manifest) return [];
  return [
    finding('operator-manifest', {
      target: { kind: 'file', name: manifest.from },
      what: `operator manifest ${manifest.from}, SHA-256 ${manifest.sha256}`,
      why: 'External Secrets Operator is installed from it',
      hint: 'Set externalSecrets.sha256 to pin it.',
    }),
  ];
}

export function unservedFindings({ unserved }: CrdsState): Finding[] {
  const [first] = unserved;
  if (first === undefined) return [];
  return [
    finding('operator-api', {
      target: { kind: 'CustomResourceDefinition', name: kindText(first) },
      what: `the cluster does not serve ${unserved.map(kindText).join(', ')}`,
      why: 'externalSecrets.install is false, and no installed operator provides these kinds',
      hint: `Install External Secrets Operator ${operatorVersion} or later with all of its CRDs, or set externalSecrets.install: true.`,
      blocking: true,
    }),
  ];
}
