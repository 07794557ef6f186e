import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { matchesAny } from '../core/globs.ts';
import type { NamespaceInfo } from './inventory.ts';
import type { ClusterRule } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import { nameOf } from '../core/target.ts';
import type { ClusterContext } from './context.ts';
import { isManaged } from './objects.ts';
import { annotations, ignoreLabel, nodeNamespace, operatorNamespace } from '../core/ownership.ts';
import { joinNames, pullSecretsOf, readUsers } from './pull-secret-users.ts';

/** Which namespaces get a copy of the pull secret. */
export interface NamespaceCoverage {
  /** Without the operator's namespace, which has the original. */
  readonly covered: readonly NamespaceInfo[];
  readonly ignored: readonly NamespaceInfo[];
  /** The namespaces that the configuration excludes and that still have a copy. */
  readonly excludedWithCopy: ReadonlyMap<string, ExcludedCopy>;
  /** These have an unmanaged Secret or ExternalSecret of that name, which the operator would overwrite. */
  readonly unmanaged: readonly UnmanagedCopy[];
}

export interface ExcludedCopy {
  /** While it has users, the copy is kept and renewed. */
  readonly users: readonly string[];
  /** Whether service accounts list it. If none does, the namespace is new and was never covered. */
  readonly isListed: boolean;
}

export interface UnmanagedCopy {
  readonly namespace: string;
  readonly object: KubeObject;
}

/** The operator's label on the Secrets that it writes. */
const reconciledLabel = 'reconcile.external-secrets.io/managed';

/** Whether the operator wrote the Secret. */
export const isReconciled = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[reconciledLabel] === 'true' &&
  metadata.annotations?.['reconcile.external-secrets.io/data-hash'] !== undefined;

/** To find out whether an excluded namespace still uses its copy. */
export const coverageRights: readonly ClusterRule[] = [
  { apiGroups: [''], resources: ['namespaces', 'secrets', 'pods', 'serviceaccounts'], verbs: ['list'] },
  { apiGroups: ['apps'], resources: ['deployments', 'daemonsets', 'statefulsets'], verbs: ['list'] },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['list'] },
];

export async function observeCoverage(ctx: ClusterContext): Promise<NamespaceCoverage> {
  const { config, inventory } = ctx;
  const [namespaces, secrets, externalSecrets] = await Promise.all([
    inventory.namespaces(),
    inventory.pullSecrets(),
    inventory.externalSecrets(),
  ]);
  const { name } = config.pullSecret;
  const unmanaged = unmanagedIn(secrets, externalSecrets, name);
  const eligible = namespaces.filter((one) => !one.terminating && one.name !== operatorNamespace);
  const wanted = eligible.filter(({ ignored }) => !ignored);
  return {
    covered: wanted.filter((one) => !unmanaged.has(one.name)),
    ignored: eligible.filter(({ ignored }) => ignored),
    excludedWithCopy: await excludedCopies(
      ctx,
      eligible.filter(
        (one) => isExcluded(one) && externalSecrets.some((copy) => isCopyIn(copy, name, one.name)),
      ),
    ),
    unmanaged: wanted.flatMap((one) => {
      const object = unmanaged.get(one.name);
      return object ? [{ namespace: one.name, object }] : [];
    }),
  };
}

/** Unmanaged objects with the name of the pull secret, by namespace. */
export function unmanagedIn(
  secrets: readonly KubeObject[],
  externalSecrets: readonly KubeObject[],
  name: string,
): ReadonlyMap<string, KubeObject> {
  const others = [
    ...secrets.filter((secret) => !isReconciled(secret) && !isManaged(secret)),
    ...externalSecrets.filter((copy) => copy.metadata.name === name && !isDistributed(copy, name)),
  ];
  return new Map(others.map((object) => [object.metadata.namespace ?? '', object]));
}

/** Excluded by the configuration. The operator itself handles the label at once. */
const isExcluded = ({ ignored, labels }: NamespaceInfo): boolean => ignored && labels[ignoreLabel] !== 'true';

const isCopyIn = (copy: KubeObject, name: string, namespace: string): boolean =>
  copy.metadata.name === name && copy.metadata.namespace === namespace && isDistributed(copy, name);

async function excludedCopies(
  ctx: ClusterContext,
  namespaces: readonly NamespaceInfo[],
): Promise<ReadonlyMap<string, ExcludedCopy>> {
  if (namespaces.length === 0) return new Map();
  const { name } = ctx.config.pullSecret;
  const [users, accounts] = await Promise.all([readUsers(ctx), ctx.inventory.serviceAccounts()]);
  const copyUsers = users.filter(({ pullSecrets }) => pullSecrets.includes(name));
  const listing = accounts.filter((account) => pullSecretsOf(account).includes(name));
  return new Map(
    namespaces.map(({ name: namespace }) => [
      namespace,
      {
        users: copyUsers.filter((user) => user.namespace === namespace).map((user) => user.name),
        isListed: listing.some(({ metadata }) => metadata.namespace === namespace),
      },
    ]),
  );
}

/** Created by the ClusterExternalSecret, which has the name of the pull secret. */
export const isDistributed = ({ metadata }: KubeObject, name: string): boolean =>
  (metadata.ownerReferences ?? []).some(
    (owner) => owner.kind === 'ClusterExternalSecret' && owner.name === name,
  );

export interface LabelSelector {
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'NotIn';
    readonly values: readonly string[];
  }[];
}

const nameLabel = 'kubernetes.io/metadata.name';
const isGlob = (text: string): boolean => /[*?]/.test(text);
/** The API server rejects anything else as a label value, and no namespace has such a name. */
const isName = (text: string): boolean => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);

/**
 * Selects the covered namespaces, including future ones. A label selector has no globs, so a glob becomes the names of the
 * namespaces that match when the selector is written. While {@link excludeMark} shows the same globs, the names in `actual`
 * stay, so that namespaces created or deleted later are not drift. A namespace that uses its copy is not excluded yet.
 * @param actual the object with the selector, as it is in the cluster
 */
export function namespaceSelector(
  { ignored, excludedWithCopy, unmanaged }: NamespaceCoverage,
  exclude: readonly string[],
  actual: KubeObject | undefined,
): LabelSelector {
  const matchesGlob = matchesAny(exclude.filter(isGlob));
  const isWritten =
    actual?.metadata.annotations?.[annotations.excludedNamespaces] ===
    excludeMark(exclude)[annotations.excludedNamespaces];
  const byGlob =
    actual && isWritten
      ? [...excludedNamesIn(actual), ...listedCopies(excludedWithCopy)].filter(matchesGlob)
      : ignored.filter(isExcluded).map(({ name }) => name);
  const excluded = [...byGlob, ...exclude.filter(isName)].filter(
    (name) => !excludedWithCopy.get(name)?.users.length,
  );
  const names = new Set([...excluded, ...unmanaged.map(({ namespace }) => namespace)]);
  names.delete(operatorNamespace);
  names.delete(nodeNamespace);
  return {
    matchExpressions: [
      { key: nameLabel, operator: 'NotIn', values: [operatorNamespace, ...[...names].sort()] },
      { key: ignoreLabel, operator: 'NotIn', values: ['true'] },
    ],
  };
}

const listedCopies = (copies: NamespaceCoverage['excludedWithCopy']): readonly string[] =>
  [...copies].filter(([, { isListed }]) => isListed).map(([name]) => name);

/** The annotation of an object with a {@link namespaceSelector}. */
export function excludeMark(exclude: readonly string[]): Readonly<Record<string, string>> {
  const globs = exclude.filter(isGlob);
  return globs.length > 0 ? { [annotations.excludedNamespaces]: [...globs].sort().join(' ') } : {};
}

/** The excluded names in a ClusterExternalSecret or ClusterSecretStore. */
function excludedNamesIn({ spec }: KubeObject): readonly string[] {
  const { namespaceSelectors = [], conditions = [] } = (spec ?? {}) as {
    namespaceSelectors?: readonly Partial<LabelSelector>[];
    conditions?: readonly { namespaceSelector?: Partial<LabelSelector> }[];
  };
  const selectors = [...namespaceSelectors, ...conditions.map(({ namespaceSelector: one }) => one)];
  const expressions = selectors.flatMap((selector) => selector?.matchExpressions ?? []);
  return expressions.filter(({ key }) => key === nameLabel).flatMap(({ values }) => values);
}

/** Reports excluded namespaces that still use their copy. */
export function inUseFindings(
  { excludedWithCopy }: NamespaceCoverage,
  pullSecret: string,
): readonly Finding[] {
  return [...excludedWithCopy]
    .filter(([, { users }]) => users.length > 0)
    .map(([name, { users }]) =>
      finding('namespace-in-use', {
        target: { kind: 'Namespace', name },
        what: `namespace ${name} is excluded and still uses pull secret ${pullSecret}`,
        why: `its copy is kept and renewed while these use it: ${joinNames(users)}`,
        hint: `Replace ${pullSecret} with another pull secret in their pod templates, or in the service accounts of ${name}. Recreate the pods, then run \`ecr-bootstrap up\`, which deletes the copy.`,
      }),
    );
}

export function unmanagedCopyFindings({ unmanaged }: NamespaceCoverage): readonly Finding[] {
  return unmanaged.map(({ namespace, object }) => {
    const target = targetOf(refOf(object));
    return finding('pull-secret-unmanaged', {
      target,
      what: `${nameOf(target)} is not managed by ecr-bootstrap, so namespace ${namespace} gets no pull secret`,
      why: 'the operator would overwrite it',
      hint: `${adoptHint(object)}Delete it (kubectl -n ${namespace} delete ${object.kind.toLowerCase()} ${object.metadata.name}) and run \`ecr-bootstrap up\`, or set another pullSecret.name.`,
      resolvedBy: target,
    });
  });
}

/** An object with an owner cannot be adopted: its owner would overwrite it again. */
const adoptHint = ({ kind, metadata }: KubeObject): string =>
  kind === 'Secret' && !metadata.ownerReferences?.length
    ? `Adopt it: ecr-bootstrap up --adopt '${kind} ${metadata.namespace}/${metadata.name}'. Or: `
    : '';

export function ignoredFindings({ ignored, excludedWithCopy }: NamespaceCoverage): readonly Finding[] {
  const left = ignored.filter(({ name }) => !excludedWithCopy.get(name)?.users.length);
  return left.map(({ name, labels }) =>
    finding('namespace-ignored', {
      target: { kind: 'Namespace', name },
      what: `namespace ${name} is excluded`,
      why:
        labels[ignoreLabel] === 'true'
          ? `its label ${ignoreLabel}`
          : 'namespaces.exclude in the configuration',
      hint: excludedWithCopy.has(name)
        ? `Nothing to do. It has a copy of the pull secret because it was created after the last \`ecr-bootstrap up\`. To prevent that, create namespaces with the label ${ignoreLabel}=true.`
        : 'Nothing to do.',
    }),
  );
}
