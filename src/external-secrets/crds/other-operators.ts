import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import type { Finding } from '../../core/findings.ts';
import { isManaged } from '../../cluster/objects.ts';
import { operatorNamespace, operatorVersion } from '../../core/ownership.ts';
import { finding } from '../../core/findings.ts';

/** Label of the chart and of the release's YAML on the controller, whatever it is called and wherever it is. */
const controllerLabel = 'app.kubernetes.io/name=external-secrets';

/** Deployments of External Secrets Operator in any namespace, ours or not. */
export function findControllers(cluster: ClusterPort): Promise<readonly KubeObject[]> {
  return cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, { labelSelector: controllerLabel });
}

/**
 * The finding that ends a run before it installs a second operator or takes over one that is not of this version. One
 * that is where ours would be, under its names and of its version, can be adopted.
 * @param usable whether the API versions that we write are served, so that it could be used as it is
 */
export function otherOperatorFindings(controllers: readonly KubeObject[], usable: boolean): Finding[] {
  const [theirs] = controllers.filter((controller) => !isManaged(controller) && !isAdoptable(controller));
  if (theirs !== undefined) return [otherOperator(theirs, usable)];
  return controllers.filter(isNewer).map(newer);
}

function isAdoptable(controller: KubeObject): boolean {
  const { name, namespace } = controller.metadata;
  return (
    name === 'external-secrets' &&
    namespace === operatorNamespace &&
    versionOf(controller) === operatorVersion
  );
}

function otherOperator(controller: KubeObject, usable: boolean): Finding {
  const { name, namespace = '' } = controller.metadata;
  const release = helmRelease(controller);
  const facts = [
    `Deployment ${namespace}/${name}`,
    ...(release ? [`Helm release ${release.name} in namespace ${release.namespace}`] : []),
  ];
  // Without the definitions: with them would go everybody's ExternalSecrets, and the Secrets that these own.
  const remove = `kubectl delete deployment,service,serviceaccount,secret,role,rolebinding -n ${namespace} -l app.kubernetes.io/instance=${instanceOf(controller)}`;
  return finding('operator-foreign', {
    target: targetOf(refOf(controller)),
    what: `External Secrets Operator ${versionOf(controller) ?? 'of unknown version'} is installed and not ours`,
    why: facts.join(', '),
    hint: usable
      ? `Set externalSecrets.install: false to use it as it is, or take it away but for its definitions and run the same command again: \`${remove}\`.`
      : `It does not serve the API versions that are needed: upgrade it to ${operatorVersion}, or take it away: \`${remove}\`.`,
    blocking: true,
  });
}

const instanceOf = ({ metadata }: KubeObject): string =>
  metadata.labels?.['app.kubernetes.io/instance'] ?? 'external-secrets';

/** What Helm installed and we adopted, Helm would still take away with its release. */
export function helmFindings(controllers: readonly KubeObject[]): Finding[] {
  return controllers.filter(isManaged).flatMap((controller): Finding[] => {
    const release = helmRelease(controller);
    if (!release) return [];
    const { name, namespace } = release;
    return [
      finding('operator-helm', {
        target: targetOf(refOf(controller)),
        what: `Helm still knows the operator as release ${name}`,
        why: '`helm uninstall` and `helm upgrade` would take away or change what is ours now',
        hint: `Make Helm forget it, which changes nothing else: \`kubectl delete secret -n ${namespace} -l owner=helm,name=${name} && kubectl annotate deployment -n ${operatorNamespace} ${controller.metadata.name} meta.helm.sh/release-name- meta.helm.sh/release-namespace-\`.`,
      }),
    ];
  });
}

const newer = (controller: KubeObject): Finding =>
  finding('operator-foreign', {
    target: targetOf(refOf(controller)),
    what: `External Secrets Operator ${versionOf(controller)} is installed, and this program brings ${operatorVersion}`,
    why: 'a later release of this program installed it; the operator is never downgraded',
    hint: 'Use that later release, or set externalSecrets.install: false.',
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

/** Helm marks what it installed, which the rendered YAML of a release is not. */
function helmRelease(object: KubeObject | undefined): { name: string; namespace: string } | undefined {
  const marks = object?.metadata.annotations ?? {};
  const [name, namespace] = [marks['meta.helm.sh/release-name'], marks['meta.helm.sh/release-namespace']];
  return name && namespace ? { name, namespace } : undefined;
}
