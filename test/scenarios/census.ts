import type { KubeObject, World } from './world.ts';

/** Kinds of which `up` makes objects, and those whose objects it changes. */
const kinds = [
  ...['namespaces', 'serviceaccounts', 'secrets', 'configmaps', 'services', 'deployments'],
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'customresourcedefinitions'],
  ...['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
  ...['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'],
].join(',');

interface Any extends KubeObject {
  readonly metadata: KubeObject['metadata'] & Readonly<Record<string, unknown>>;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly data?: Readonly<Record<string, string>>;
}

const nameOf = ({ kind, metadata: { namespace, name } }: Any) =>
  namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;

/** What there is in the cluster, one line for each object with what `up` makes of it: two clusters can be compared. */
export async function census({ cluster }: World): Promise<readonly string[]> {
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

/** Changes without anybody's doing, or tells of changes that were taken back. */
const volatile = ['resourceVersion', 'managedFields', 'generation'];

/** Every object as it is, by name: one that was made anew has another uid. */
export async function photograph({ cluster }: World): Promise<Readonly<Record<string, object>>> {
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
