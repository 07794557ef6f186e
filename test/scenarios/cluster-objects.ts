import type { KubeObject, World } from './world.ts';

/** The kinds that `up` creates or changes. */
const kinds = [
  ...['namespaces', 'serviceaccounts', 'secrets', 'configmaps', 'services', 'deployments'],
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'customresourcedefinitions'],
  ...['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
  ...['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'],
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
].join(',');

interface Any extends KubeObject {
  readonly metadata: KubeObject['metadata'] & Readonly<Record<string, unknown>>;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly data?: Readonly<Record<string, string>>;
}

const nameOf = ({ kind, metadata: { namespace, name } }: Any) =>
  namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;

/** Describes the cluster's objects for comparisons: one line per object, with what `up` sets on it. */
export async function describeObjects({ cluster }: World): Promise<readonly string[]> {
  const objects = await cluster.list<Any>(kinds);
  return objects
    .map((object) => {
      const { metadata, imagePullSecrets = [], data = {} } = object;
      const facts = [
        ...Object.keys(metadata.labels ?? {}),
        ...imagePullSecrets.map(({ name }) => name),
        ...Object.keys(data),
      ];
      return `${nameOf(object)}: ${facts.sort().join(' ')}`;
    })
    .sort();
}

/** These fields change by themselves, or show changes that were reverted. */
const volatile = ['resourceVersion', 'managedFields', 'generation'];

/** Every object by name, with all stable fields. The uid shows whether an object was recreated. */
export async function snapshotObjects({ cluster }: World): Promise<Readonly<Record<string, object>>> {
  const objects = await cluster.list<Any>(kinds);
  const still = objects.map((object) => {
    const metadata = Object.entries(object.metadata).filter(([field]) => !volatile.includes(field));
    return [
      nameOf(object),
      { ...object, metadata: Object.fromEntries(metadata), status: undefined },
    ] as const;
  });
  return Object.fromEntries(still);
}
