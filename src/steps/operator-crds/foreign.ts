import { refOf, targetOf } from '../../cluster/names.ts';
import type { ClusterPort, KubeObject } from '../../cluster/port.ts';
import type { Finding } from '../../plan/index.ts';
import type { ObjectsState } from '../objects.ts';
import { isOurs } from '../objects.ts';
import { operatorVersion } from '../ownership.ts';

/** Label of the chart and of the release's YAML on the controller, whatever it is called and wherever it is. */
const controllerLabel = 'app.kubernetes.io/name=external-secrets';

/** Deployments of External Secrets Operator in any namespace, ours or not. */
export function findControllers(cluster: ClusterPort): Promise<readonly KubeObject[]> {
  return cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, { labelSelector: controllerLabel });
}

/**
 * The finding that ends a run before it takes over or downgrades somebody else's operator.
 * @param usable whether the API versions that we write are served, so that it could be used as it is
 */
export function foreignFindings(
  controllers: readonly KubeObject[],
  crds: ObjectsState,
  usable: boolean,
): Finding[] {
  const theirCrds = [...crds.seen.values()].filter((crd) => !isOurs(crd));
  const [theirs] = controllers.filter((controller) => !isOurs(controller));
  if (theirs !== undefined || theirCrds.length > 0) return [foreign(theirs, theirCrds, usable)];
  return controllers.filter(isNewer).map(newer);
}

function foreign(controller: KubeObject | undefined, crds: readonly KubeObject[], usable: boolean): Finding {
  const subject = controller ?? crds[0];
  const release = [controller, ...crds].map(helmRelease).find((found) => found !== undefined);
  const where = controller?.metadata.namespace;
  const facts = [
    ...(controller ? [`Deployment ${where}/${controller.metadata.name}`] : ['no controller was found']),
    ...(release ? [`Helm release ${release.name} in namespace ${release.namespace}`] : []),
    ...(crds.length > 0 ? [`${crds.length} of its CRDs without our label`] : []),
  ];
  const remove = release ? `helm uninstall ${release.name} -n ${release.namespace}` : 'remove it first';
  return {
    level: 'failed',
    code: 'operator-foreign',
    target: subject ? targetOf(refOf(subject)) : { kind: 'Deployment', name: 'external-secrets' },
    what: `External Secrets Operator ${controller ? (versionOf(controller) ?? 'of unknown version') : ''} is installed and not ours`.replace(
      '  ',
      ' ',
    ),
    why: facts.join(', '),
    hint: usable
      ? `Set externalSecrets.install: false to use it as it is, or ${remove}.`
      : `It does not serve the API versions that are needed: ${remove}, or upgrade it.`,
    blocking: true,
  };
}

const newer = (controller: KubeObject): Finding => ({
  level: 'failed',
  code: 'operator-foreign',
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
