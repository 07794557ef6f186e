import { readFile } from 'node:fs/promises';
import { refOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { ecrName, ecrReference } from '../../images/naming.ts';
import { operatorImage } from '../../images/operator.ts';
import { parseReference } from '../../images/reference.ts';
import { authorityMap } from '../release/authorities.ts';
import { patchObjects } from '../release/operator.ts';
import { releasedRefs } from '../release/release.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { annotations, managedBy, operatorNamespace as namespace } from '../../core/ownership.ts';

/** ConfigMap of the configured authorities, empty when there are none: enough to name it. */
export const noAuthorities = authorityMap('', { namespace, labels: managedBy });

/** The operator's objects in the order in which they have to be applied. */
export async function wantedObjects(ctx: ExternalSecretsContext): Promise<KubeObject[]> {
  const { install, env, caBundle, tolerations, nodeSelector, resources } = ctx.config.externalSecrets;
  if (!install) return [];
  const [manifest, image, authorities] = await Promise.all([
    ctx.operatorSource.load(),
    imageInEcr(ctx),
    caBundle === undefined ? undefined : readAuthorities(caBundle),
  ]);
  const objects = patchObjects(manifest, {
    ...{ namespace, labels: managedBy, annotations },
    ...{ image, pullSecret: ctx.config.pullSecret.name, env, tolerations, nodeSelector },
    ...(resources && { resources }),
    ...(authorities !== undefined && { authorities }),
  });
  const maps = authorities === undefined ? [] : [authorityMap(authorities, { namespace, labels: managedBy })];
  return inOrder([...maps, ...objects]);
}

/** All that any settings can create, in the same order. */
export const operatorRefs = (): readonly ObjectRef[] =>
  [
    refOf(noAuthorities),
    ...releasedRefs(namespace).filter(({ kind }) => kind !== 'CustomResourceDefinition'),
  ].sort((one, other) => placeOf(one.kind, one.name) - placeOf(other.kind, other.name));

export async function imageInEcr(ctx: ExternalSecretsContext): Promise<string> {
  const naming = { project: ctx.config.project, map: ctx.config.images.map };
  return ecrReference(await ctx.registryHost(), ecrName(parseReference(operatorImage), naming));
}

/**
 * The cert-controller makes the certificate that the webhook waits for, and it must not wait for the webhook to be
 * ready, because it is not ready itself before. Webhook configurations come last: until the webhook answers, they
 * make the API server refuse every object.
 */
const order: readonly (readonly [kind: string, name?: string])[] = [
  ['ServiceAccount'],
  ['ClusterRole'],
  ['ClusterRoleBinding'],
  ['Role'],
  ['RoleBinding'],
  ['ConfigMap'],
  ['Secret'],
  ['Service'],
  ['Deployment', 'external-secrets-cert-controller'],
  ['Deployment'],
  ['ValidatingWebhookConfiguration'],
];

/** Where {@link order} needs the certificate. */
const needsCertificate = order.findIndex(([kind, name]) => kind === 'Deployment' && name === undefined);

export const isAfterCertificate = (object: { kind: string; metadata: { name: string } }): boolean =>
  placeOf(object.kind, object.metadata.name) >= needsCertificate;

function placeOf(kind: string, name: string): number {
  return order.findIndex(([k, n]) => k === kind && (n === undefined || n === name));
}

const inOrder = (objects: readonly KubeObject[]): KubeObject[] =>
  [...objects].sort(
    (one, other) => placeOf(one.kind, one.metadata.name) - placeOf(other.kind, other.metadata.name),
  );

async function readAuthorities(path: string): Promise<string> {
  const what = `read the authorities ${path}`;
  const hint = 'Correct externalSecrets.caBundle: a PEM file with one or more certificates.';
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    throw new BootstrapError({ code: 'file-missing', what, why: reasonOf(error), hint }, { cause: error });
  }
  if (pem.includes('PRIVATE KEY') || !pem.includes('-----BEGIN CERTIFICATE-----')) {
    const why = pem.includes('PRIVATE KEY') ? 'it holds a private key' : 'it holds no certificate';
    throw new BootstrapError({ code: 'config-invalid', what, why, hint });
  }
  return pem;
}
