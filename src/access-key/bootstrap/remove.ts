import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { ClusterRule, Diff, Field } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { nameOf } from '../../core/target.ts';
import { namesOf } from '../../external-secrets/object-names.ts';
import type { AccessKeyContext } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { isManaged } from '../../cluster/objects.ts';
import { operatorApis, operatorKind } from '../../cluster/operator-api.ts';
import { operatorNamespace as namespace } from '../../core/ownership.ts';
import { isManagedSecret } from '../../external-secrets/pull-secret/objects.ts';
import { authoritiesName } from '../../external-secrets/release/authorities.ts';
import { isImageList } from '../../mirror/warnings/lists.ts';
import { noteFields, outdatedFieldsFinding } from './namespace-annotations.ts';
import type { BootstrapChange, BootstrapState } from './state.ts';

/** Kinds that users create in namespaces, by API version. Owned objects (pods, ReplicaSets) result from these. */
const contents: Readonly<Record<string, readonly string[]>> = {
  v1: ['Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'PersistentVolumeClaim', 'Pod'],
  'apps/v1': ['Deployment', 'StatefulSet', 'DaemonSet'],
  'batch/v1': ['Job', 'CronJob'],
};
/** Their version depends on the operator. */
const operatorContents = ['ExternalSecret', 'SecretStore'] as const;

/** The permissions to find out whether the namespace contains other objects. */
export const removalRights: readonly ClusterRule[] = Object.entries({
  ...contents,
  [operatorApis[0]]: operatorContents,
}).map(([apiVersion, names]) => ({
  apiGroups: [apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : ''],
  resources: names.map((kind) => `${kind.toLowerCase()}s`),
  verbs: ['list'],
}));

/** Kubernetes creates these in every namespace. */
const everywhere = ['ServiceAccount default', 'ConfigMap kube-root-ca.crt'];

/** Deletes the Secrets, and the namespace if it is managed and contains no other objects. */
export async function removeBootstrap(
  { observed, earlier, namespace: wanted }: BootstrapState,
  ctx: AccessKeyContext,
): Promise<Diff<BootstrapChange>> {
  const setup = outdatedFieldsFinding({ namespace: wanted, observed });
  if (setup.length > 0) return { changes: [], findings: setup };
  const secrets = [observed.pullSecret, observed.keySecret, ...earlier].flatMap((secret) =>
    secret !== undefined && isManagedSecret(secret) ? [deletionOf(secret)] : [],
  );
  const { namespace: home } = observed;
  const others = home && isManaged(home) ? await findOthers(ctx) : [];
  const isDeleted = home && isManaged(home) && others.length === 0;
  const note = home && !isDeleted ? noteFields(home) : [];
  return {
    changes: [
      ...secrets,
      ...(isDeleted ? [deletionOf(home)] : []),
      ...(home && note.length > 0 ? [removalOfNote(wanted, note)] : []),
    ],
    findings: home ? whyLeft(home, others) : [],
  };
}

const deletionOf = (object: KubeObject): BootstrapChange => ({
  action: 'delete',
  target: targetOf(refOf(object)),
  fields: [],
  payload: { does: 'writeObject', deletes: object },
});

/** Removes the annotations with the project and registry of the cluster. */
const removalOfNote = (wanted: KubeObject, note: readonly Field[]): BootstrapChange => ({
  action: 'update',
  target: targetOf(refOf(wanted)),
  fields: note,
  payload: {
    does: 'writeObject',
    applies: { ...wanted, metadata: { ...wanted.metadata, annotations: {} } },
  },
});

/** Includes managed objects that no step of `down` deletes: the plan would not show their deletion. */
async function findOthers(ctx: AccessKeyContext): Promise<readonly KubeObject[]> {
  const { cluster, config } = ctx;
  const earlierNames = new Set((await earlierPullSecrets(ctx)).map(({ name }) => name));
  const kinds = [
    ...Object.entries(contents).flatMap(([apiVersion, names]) => names.map((kind) => ({ apiVersion, kind }))),
    ...(await Promise.all(operatorContents.map((kind) => operatorKind(cluster, kind)))),
  ];
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      const objects = await cluster.list(kind, { namespace, metadataOnly: true });
      return objects.map((object) => ({ ...object, ...kind }));
    }),
  );
  return lists.flat().filter((object) => {
    const { name, ownerReferences = [] } = object.metadata;
    const isOwn = isManaged(object) || (object.kind === 'Secret' && isManagedSecret(object));
    const names =
      object.kind === 'ConfigMap' ? [authoritiesName] : (namesOf(config, resourceOf(object), 'delete') ?? []);
    const isPlanned = isOwn && (names.includes(name) || earlierNames.has(name) || isImageList(object));
    return !isPlanned && ownerReferences.length === 0 && !everywhere.includes(`${object.kind} ${name}`);
  });
}

/** The resource in the notation of RBAC: `deployments.apps`. */
function resourceOf({ apiVersion, kind }: KubeObject): string {
  const [version, group] = apiVersion.split('/').reverse();
  return [`${kind.toLowerCase()}s`, ...(version && group ? [group] : [])].join('.');
}

function whyLeft(home: KubeObject, others: readonly KubeObject[]): Finding[] {
  if (isManaged(home) && others.length === 0) return [];
  const names = others.slice(0, 5).map((object) => nameOf(targetOf(refOf(object))));
  const more = others.length > names.length ? ` and ${others.length - names.length} more` : '';
  return [
    finding('left-behind', {
      target: targetOf(refOf(home)),
      what: `namespace ${namespace} is kept`,
      why: isManaged(home)
        ? `it contains objects that this plan does not delete: ${names.join(', ')}${more}`
        : 'ecr-bootstrap did not create it',
      hint: `If it is not needed, delete it: kubectl delete namespace ${namespace}`,
    }),
  ];
}
