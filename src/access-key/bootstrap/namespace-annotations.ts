import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Field } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { annotations, operatorNamespace } from '../../core/ownership.ts';
import { namespaceObject } from '../../external-secrets/pull-secret/objects.ts';
import type { BootstrapState } from './state.ts';

const keys = [annotations.project, annotations.registryHost];

const valueIn = ({ metadata }: KubeObject, key: string): string | undefined => metadata.annotations?.[key];

/**
 * Blocks a change of the cluster's project or registry. Its pods could no longer pull their images, and no cluster
 * would refer to the AWS resources of the first project any more.
 */
export function outdatedFieldsFinding({
  namespace,
  observed,
}: Pick<BootstrapState, 'namespace'> & {
  readonly observed: Pick<BootstrapState['observed'], 'namespace'>;
}): Finding[] {
  const noted = (key: string): string =>
    valueIn(observed.namespace ?? namespace, key) ?? valueIn(namespace, key) ?? '';
  if (keys.every((key) => noted(key) === valueIn(namespace, key))) return [];
  const [project, host] = [noted(annotations.project), noted(annotations.registryHost)];
  const [, region = 'REGION'] = /\.dkr[.-]ecr\.([a-z0-9-]+)\./.exec(host) ?? [];
  const words = (of: (key: string) => string | undefined): string =>
    `project ${of(annotations.project)} in ${of(annotations.registryHost)}`;
  return [
    finding('setup-differs', {
      target: targetOf(refOf(namespace)),
      what: `this cluster is set up for ${words(noted)}`,
      why: `the configuration has ${words((key) => valueIn(namespace, key))}; with it, pods could no longer pull their present images`,
      hint: `Correct the configuration. To move the cluster, first run \`ecr-bootstrap down --project ${project} --region ${region}\` (with \`--aws --delete-images --delete-secrets\` if no other cluster uses that project). If the project no longer exists in AWS: \`kubectl annotate namespace ${operatorNamespace} ${keys.map((key) => `${key}-`).join(' ')}\`.`,
      blocking: true,
    }),
  ];
}

/** The same for another step. @param actual the operator's namespace, if it exists */
export const setupFindings = (
  setup: Parameters<typeof namespaceObject>[0],
  actual: KubeObject | undefined,
): Finding[] =>
  actual
    ? outdatedFieldsFinding({ namespace: namespaceObject(setup, actual), observed: { namespace: actual } })
    : [];

/** The fields of a change that removes the annotations with the project and registry. */
export const noteFields = (namespace: KubeObject): Field[] =>
  keys.flatMap((key) => {
    const from = valueIn(namespace, key);
    return from === undefined ? [] : [{ path: `metadata.annotations["${key}"]`, from }];
  });
