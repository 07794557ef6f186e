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

/** The ConfigMap of the certificate authorities without data, to refer to it. */
export const noAuthorities = authorityMap('', { namespace, labels: managedBy });

/** The operator's objects in the order in which they must be applied. */
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

/** Every object that some configuration creates, in the same order. */
export const operatorRefs = (): readonly ObjectRef[] =>
  [
    refOf(noAuthorities),
    ...releasedRefs(namespace).filter(({ kind }) => kind !== 'CustomResourceDefinition'),
  ].sort((one, other) => orderOf(one.kind, one.name) - orderOf(other.kind, other.name));

export async function imageInEcr(ctx: ExternalSecretsContext): Promise<string> {
  const naming = { project: ctx.config.project, map: ctx.config.images.map };
  return ecrReference(await ctx.registryHost(), ecrName(parseReference(operatorImage), naming));
}

/**
 * The webhook waits for the certificate that the cert-controller creates, so the cert-controller must not wait for the
 * webhook. Webhook configurations come last: until the webhook answers, they make the API server reject every object.
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

/** The first index of {@link order} that needs the certificate. */
const needsCertificate = order.findIndex(([kind, name]) => kind === 'Deployment' && name === undefined);

export const isAfterCertificate = (object: { kind: string; metadata: { name: string } }): boolean =>
  orderOf(object.kind, object.metadata.name) >= needsCertificate;

function orderOf(kind: string, name: string): number {
  return order.findIndex(
    ([orderKind, orderName]) => orderKind === kind && (orderName === undefined || orderName === name),
  );
}

const inOrder = (objects: readonly KubeObject[]): KubeObject[] =>
  [...objects].sort(
    (one, other) => orderOf(one.kind, one.metadata.name) - orderOf(other.kind, other.metadata.name),
  );

async function readAuthorities(path: string): Promise<string> {
  const what = `could not read the certificate authorities in ${path}`;
  const hint = 'Set externalSecrets.caBundle to a PEM file with one or more certificates.';
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    throw new BootstrapError({ code: 'file-missing', what, why: reasonOf(error), hint }, { cause: error });
  }
  if (pem.includes('PRIVATE KEY') || !pem.includes('-----BEGIN CERTIFICATE-----')) {
    const why = pem.includes('PRIVATE KEY') ? 'it contains a private key' : 'it contains no certificate';
    throw new BootstrapError({ code: 'config-invalid', what, why, hint });
  }
  return pem;
}
