import type { KubeObject } from '../cluster/port.ts';
import { unusable } from './parse.ts';
import { imagesOf, oddPods } from './pods.ts';
import { excessRights } from './rights.ts';

const version = 'v0.12.1';

const crds = [
  ...['clusterexternalsecrets', 'clustersecretstores', 'externalsecrets', 'pushsecrets', 'secretstores'].map(
    (plural) => `${plural}.external-secrets.io`,
  ),
  ...[
    'acraccesstokens',
    'clustergenerators',
    'ecrauthorizationtokens',
    'fakes',
    'gcraccesstokens',
    'githubaccesstokens',
    'passwords',
    'stssessiontokens',
    'uuids',
    'vaultdynamicsecrets',
    'webhooks',
  ].map((plural) => `${plural}.generators.external-secrets.io`),
];

/** Names of the objects in the release's YAML by kind. */
const names: Readonly<Record<string, readonly string[]>> = {
  CustomResourceDefinition: crds,
  ServiceAccount: ['external-secrets', 'external-secrets-cert-controller', 'external-secrets-webhook'],
  Secret: ['external-secrets-webhook'],
  ClusterRole: [
    'external-secrets-cert-controller',
    'external-secrets-controller',
    'external-secrets-edit',
    'external-secrets-servicebindings',
    'external-secrets-view',
  ],
  ClusterRoleBinding: ['external-secrets-cert-controller', 'external-secrets-controller'],
  Role: ['external-secrets-leaderelection'],
  RoleBinding: ['external-secrets-leaderelection'],
  Service: ['external-secrets-webhook'],
  Deployment: ['external-secrets', 'external-secrets-cert-controller', 'external-secrets-webhook'],
  ValidatingWebhookConfiguration: ['externalsecret-validate', 'secretstore-validate'],
};

const expected = Object.entries(names).flatMap(([kind, all]) => all.map((name) => `${kind} ${name}`));

/**
 * Checks that these are the objects of External Secrets Operator v0.12.1: which there are, whose image their pods run and
 * what of the node they get, and who gets which rights. Whether they are to the letter what was released only the
 * checksum of the configuration can tell.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` saying what was found instead
 */
export function verifyOfficial(objects: readonly KubeObject[], from: string): void {
  const found = versionOf(objects);
  if (found !== undefined && found !== version) {
    throw unusable(from, `it is that of ${found}, and ${version} is needed`);
  }
  const present = new Set(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  const missing = expected.filter((name) => !present.has(name));
  if (missing.length === expected.length) {
    throw unusable(from, `none of its ${objects.length} objects belongs to External Secrets Operator`);
  }
  if (missing.length > 0) throw unusable(from, `it lacks ${some(missing)}`);
  const surplus = [...present].filter((name) => !expected.includes(name));
  if (surplus.length > 0) throw unusable(from, `it holds ${some(surplus)}, which the release does not`);
  if (found === undefined) throw unusable(from, 'its Deployments do not tell a version');
  const odd = [...oddPods(objects), ...excessRights(objects)];
  if (odd.length > 0) throw unusable(from, `${some(odd)}, unlike the release`);
}

/** The version that the tags of the Deployments' images tell: one, or all that there are. */
function versionOf(objects: readonly KubeObject[]): string | undefined {
  const images = objects.filter(({ kind }) => kind === 'Deployment').flatMap(imagesOf);
  const tags = new Set(images.map((image) => /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? image));
  return tags.size === 0 ? undefined : [...tags].join(' and ');
}

const some = (all: readonly string[]): string =>
  all.length > 3 ? `${all.slice(0, 3).join(', ')} and ${all.length - 3} more` : all.join(', ');
