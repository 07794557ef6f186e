import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { isManaged } from '../../cluster/objects.ts';
import { operatorNamespace, operatorVersion } from '../../core/ownership.ts';

/** The controller has this label in the Helm chart and in the release manifest, with any name and namespace. */
const controllerLabel = 'app.kubernetes.io/name=external-secrets';

/** Deployments of the operator's controller in any namespace, managed or not. */
export function findControllers(cluster: ClusterPort): Promise<readonly KubeObject[]> {
  return cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, { labelSelector: controllerLabel });
}

/**
 * Blocks a run that would install a second operator or downgrade a newer one. An unmanaged operator of the same
 * namespace, name and version can be adopted.
 * @param isUsable whether the cluster serves the API versions that ecr-bootstrap uses
 */
export function otherOperatorFindings(controllers: readonly KubeObject[], isUsable: boolean): Finding[] {
  const [unmanaged] = controllers.filter((controller) => !isManaged(controller) && !isAdoptable(controller));
  if (unmanaged !== undefined) return [otherOperator(unmanaged, isUsable)];
  return controllers.filter(isNewer).map(newerOperator);
}

function isAdoptable(controller: KubeObject): boolean {
  const { name, namespace } = controller.metadata;
  return (
    name === 'external-secrets' &&
    namespace === operatorNamespace &&
    versionOf(controller) === operatorVersion
  );
}

function otherOperator(controller: KubeObject, isUsable: boolean): Finding {
  const { name, namespace = '' } = controller.metadata;
  const release = helmRelease(controller);
  const sources = [
    `Deployment ${namespace}/${name}`,
    ...(release ? [`Helm release ${release.name} in namespace ${release.namespace}`] : []),
  ];
  // Keeps the CRDs: deleting them would delete every ExternalSecret in the cluster, and the Secrets that they own.
  const uninstall = `kubectl delete deployment,service,serviceaccount,secret,role,rolebinding -n ${namespace} -l app.kubernetes.io/instance=${instanceOf(controller)}`;
  return finding('operator-conflict', {
    target: targetOf(refOf(controller)),
    what: `External Secrets Operator ${versionOf(controller) ?? 'of unknown version'} is installed and not managed by ecr-bootstrap`,
    why: sources.join(', '),
    hint: hintFor(isUsable, isNewer(controller), uninstall),
    blocking: true,
  });
}

/** A newer operator is used as it is: the CRDs of an earlier one do not serve the versions that its objects are stored in. */
function hintFor(isUsable: boolean, isNewerOne: boolean, uninstall: string): string {
  const use = 'Set externalSecrets.install: false to use it as it is.';
  if (isNewerOne) {
    return isUsable
      ? use
      : `It does not serve all kinds that ecr-bootstrap uses. Install all of its CRDs. ${use}`;
  }
  return isUsable
    ? `${use} Or uninstall it, keeping its CRDs, and run the same command again: \`${uninstall}\`.`
    : `It does not serve the required API versions. Upgrade it to ${operatorVersion} or later, or uninstall it, keeping its CRDs: \`${uninstall}\`.`;
}

const instanceOf = ({ metadata }: KubeObject): string =>
  metadata.labels?.['app.kubernetes.io/instance'] ?? 'external-secrets';

/** `helm uninstall` would still delete an operator that Helm installed and `up` adopted. */
export function helmFindings(controllers: readonly KubeObject[]): Finding[] {
  return controllers.filter(isManaged).flatMap((controller): Finding[] => {
    const release = helmRelease(controller);
    if (!release) return [];
    const { name, namespace } = release;
    return [
      finding('operator-helm', {
        target: targetOf(refOf(controller)),
        what: `the operator still belongs to Helm release ${name}`,
        why: '`helm uninstall` or `helm upgrade` would delete or change resources that ecr-bootstrap manages',
        hint: `Remove the Helm release record, which changes nothing else: \`kubectl delete secret -n ${namespace} -l owner=helm,name=${name} && kubectl annotate deployment -n ${operatorNamespace} ${controller.metadata.name} meta.helm.sh/release-name- meta.helm.sh/release-namespace-\`.`,
      }),
    ];
  });
}

const newerOperator = (controller: KubeObject): Finding =>
  finding('operator-conflict', {
    target: targetOf(refOf(controller)),
    what: `External Secrets Operator ${versionOf(controller)} is installed, and this version of ecr-bootstrap installs ${operatorVersion}`,
    why: 'a later release of ecr-bootstrap installed it, and the operator is never downgraded',
    hint: 'Use the later release of ecr-bootstrap, or set externalSecrets.install: false.',
    blocking: true,
  });

function isNewer(controller: KubeObject): boolean {
  const version = versionOf(controller);
  return version !== undefined && version.localeCompare(operatorVersion, 'en', { numeric: true }) > 0;
}

function versionOf(controller: KubeObject): string | undefined {
  const label = controller.metadata.labels?.['app.kubernetes.io/version'];
  return label ?? /:(v?\d[\w.-]*)$/.exec(imageOf(controller))?.[1];
}

function imageOf(controller: KubeObject): string {
  const { spec } = controller as { spec?: { template?: { spec?: { containers?: { image?: string }[] } } } };
  return spec?.template?.spec?.containers?.[0]?.image ?? '';
}

/** Helm annotates what it installs; `kubectl apply` of the release manifest does not. */
function helmRelease(object: KubeObject | undefined): { name: string; namespace: string } | undefined {
  const helm = object?.metadata.annotations ?? {};
  const [name, namespace] = [helm['meta.helm.sh/release-name'], helm['meta.helm.sh/release-namespace']];
  return name && namespace ? { name, namespace } : undefined;
}
