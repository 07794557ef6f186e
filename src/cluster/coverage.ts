import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { matchesAny } from '../core/globs.ts';
import type { NamespaceInfo } from './inventory.ts';
import type { ClusterRule } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import { nameOf } from '../core/members.ts';
import type { ClusterContext } from './context.ts';
import { isManaged } from './objects.ts';
import { annotations, ignoreLabel, operatorNamespace } from '../core/ownership.ts';
import { listed, pullSecretsOf, readUsers } from './pull-secret-users.ts';
import { finding } from '../core/findings.ts';

/** Which namespaces get copies of the pull secret. */
export interface Coverage {
  /** All that are to have one, without the operator's namespace, where the original is. */
  readonly covered: readonly NamespaceInfo[];
  readonly ignored: readonly NamespaceInfo[];
  /** Of those that the configuration excludes: which have a copy. */
  readonly excludedWithCopy: ReadonlyMap<string, ExcludedCopy>;
  /** A secret of that name, or what makes one, is somebody else's there. The operator would overwrite it. */
  readonly unmanaged: readonly UnmanagedCopy[];
}

export interface ExcludedCopy {
  /** What still pulls with it. While there is anything, the copy stays and is renewed. */
  readonly users: readonly string[];
  /** Service accounts name it, so it was not merely copied into a namespace that came later. */
  readonly isNamed: boolean;
}

export interface UnmanagedCopy {
  readonly namespace: string;
  readonly object: KubeObject;
}

/** On Secrets that External Secrets Operator keeps. */
const reconciled = 'reconcile.external-secrets.io/managed';

/** Whether the operator wrote it, and not we. */
export const isReconciled = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[reconciled] === 'true' &&
  metadata.annotations?.['reconcile.external-secrets.io/data-hash'] !== undefined;

/** To see whether an excluded namespace still uses its copy. */
export const coverageRights: readonly ClusterRule[] = [
  { apiGroups: [''], resources: ['namespaces', 'secrets', 'pods', 'serviceaccounts'], verbs: ['list'] },
  { apiGroups: ['apps'], resources: ['deployments', 'daemonsets', 'statefulsets'], verbs: ['list'] },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['list'] },
];

export async function observeCoverage(ctx: ClusterContext): Promise<Coverage> {
  const { config, inventory } = ctx;
  const [namespaces, secrets, externalSecrets] = await Promise.all([
    inventory.namespaces(),
    inventory.pullSecrets(),
    inventory.externalSecrets(),
  ]);
  const { name } = config.pullSecret;
  const foreign = unmanagedIn(secrets, externalSecrets, name);
  const eligible = namespaces.filter((one) => !one.terminating && one.name !== operatorNamespace);
  const wanted = eligible.filter(({ ignored }) => !ignored);
  return {
    covered: wanted.filter((one) => !foreign.has(one.name)),
    ignored: eligible.filter(({ ignored }) => ignored),
    excludedWithCopy: await excludedCopies(
      ctx,
      eligible.filter(
        (one) => isExcluded(one) && externalSecrets.some((copy) => isCopyIn(copy, name, one.name)),
      ),
    ),
    unmanaged: wanted.flatMap((one) => {
      const object = foreign.get(one.name);
      return object ? [{ namespace: one.name, object }] : [];
    }),
  };
}

/** By namespace: what has the name of the pull secret and is not managed. */
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

/** By the configuration, and not by a label, which the operator itself acts upon at once. */
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
  const using = users.filter(({ pullSecrets }) => pullSecrets.includes(name));
  const naming = accounts.filter((account) => pullSecretsOf(account).includes(name));
  return new Map(
    namespaces.map(({ name: namespace }) => [
      namespace,
      {
        users: using.filter((user) => user.namespace === namespace).map((user) => user.name),
        isNamed: naming.some(({ metadata }) => metadata.namespace === namespace),
      },
    ]),
  );
}

/** Made by our ClusterExternalSecret, which bears the pull secret's name. */
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
/** Others name no namespace, and would not be accepted as the value of a label. */
const isName = (text: string): boolean => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);

/**
 * Selects the covered namespaces, future ones too. Labels know no globs, so a glob is resolved to the names of the
 * namespaces that match when the list is written. Namespaces that come and go under a glob later are no reason to write
 * it again: `actual` keeps the names that it has while {@link excludeMark} says that the globs are the same. A namespace
 * that still uses its copy is not excluded yet.
 * @param actual what the selector is part of, as it is in the cluster
 */
export function namespaceSelector(
  { ignored, excludedWithCopy, unmanaged }: Coverage,
  exclude: readonly string[],
  actual: KubeObject | undefined,
): LabelSelector {
  const matchesGlob = matchesAny(exclude.filter(isGlob));
  const isWritten =
    actual?.metadata.annotations?.[annotations.excludedNamespaces] ===
    excludeMark(exclude)[annotations.excludedNamespaces];
  const byGlob =
    actual && isWritten
      ? [...excludedNamesIn(actual), ...namedCopies(excludedWithCopy)].filter(matchesGlob)
      : ignored.filter(isExcluded).map(({ name }) => name);
  const excluded = [...byGlob, ...exclude.filter(isName)].filter(
    (name) => !excludedWithCopy.get(name)?.users.length,
  );
  const names = new Set([...excluded, ...unmanaged.map(({ namespace }) => namespace)]);
  names.delete(operatorNamespace);
  return {
    matchExpressions: [
      { key: nameLabel, operator: 'NotIn', values: [operatorNamespace, ...[...names].sort()] },
      { key: ignoreLabel, operator: 'NotIn', values: ['true'] },
    ],
  };
}

const namedCopies = (copies: Coverage['excludedWithCopy']): readonly string[] =>
  [...copies].filter(([, { isNamed }]) => isNamed).map(([name]) => name);

/** The annotation of what has a selector of {@link namespaceSelector}. */
export function excludeMark(exclude: readonly string[]): Readonly<Record<string, string>> {
  const globs = exclude.filter(isGlob);
  return globs.length > 0 ? { [annotations.excludedNamespaces]: [...globs].sort().join(' ') } : {};
}

/** The names in the selector of a ClusterExternalSecret or ClusterSecretStore. */
function excludedNamesIn({ spec }: KubeObject): readonly string[] {
  const { namespaceSelectors = [], conditions = [] } = (spec ?? {}) as {
    namespaceSelectors?: readonly Partial<LabelSelector>[];
    conditions?: readonly { namespaceSelector?: Partial<LabelSelector> }[];
  };
  const selectors = [...namespaceSelectors, ...conditions.map(({ namespaceSelector: one }) => one)];
  const expressions = selectors.flatMap((selector) => selector?.matchExpressions ?? []);
  return expressions.filter(({ key }) => key === nameLabel).flatMap(({ values }) => values);
}

/** Namespaces that are to have no copy and still use it. */
export function inUseFindings({ excludedWithCopy }: Coverage, pullSecret: string): readonly Finding[] {
  return [...excludedWithCopy]
    .filter(([, { users }]) => users.length > 0)
    .map(([name, { users }]) =>
      finding('namespace-in-use', {
        target: { kind: 'Namespace', name },
        what: `namespace ${name} is excluded and still uses pull secret ${pullSecret}`,
        why: `its copy stays and is renewed while these list it: ${listed(users)}`,
        hint: `Give them another pull secret: in their pod templates, or in place of ${pullSecret} in the service accounts of ${name}. Recreate the pods, then run ecr-bootstrap up, which removes the copy.`,
      }),
    );
}

export function unmanagedCopyFindings({ unmanaged }: Coverage): readonly Finding[] {
  return unmanaged.map(({ namespace, object }) => {
    const target = targetOf(refOf(object));
    return finding('pull-secret-foreign', {
      target,
      what: `${nameOf(target)} exists and is not ours, so namespace ${namespace} gets no pull secret`,
      why: 'the operator would overwrite it',
      hint: `${adoptHint(object)}Delete it (kubectl -n ${namespace} delete ${object.kind.toLowerCase()} ${object.metadata.name}) and run ecr-bootstrap up, or choose another pullSecret.name.`,
      resolvedBy: target,
    });
  });
}

/** What something else keeps would be written in turn. */
const adoptHint = ({ kind, metadata }: KubeObject): string =>
  kind === 'Secret' && !metadata.ownerReferences?.length
    ? `Take it over: ecr-bootstrap up --adopt '${kind} ${metadata.namespace}/${metadata.name}'. Or: `
    : '';

export function ignoredFindings({ ignored, excludedWithCopy }: Coverage): readonly Finding[] {
  const left = ignored.filter(({ name }) => !excludedWithCopy.get(name)?.users.length);
  return left.map(({ name, labels }) =>
    finding('namespace-ignored', {
      target: { kind: 'Namespace', name },
      what: `namespace ${name} is left alone`,
      why:
        labels[ignoreLabel] === 'true'
          ? `its label ${ignoreLabel}`
          : 'namespaces.exclude in the configuration',
      hint: excludedWithCopy.has(name)
        ? `Nothing to do. It has a copy of the pull secret, because it was created after the list of excluded namespaces was written. To prevent that, create namespaces with the label ${ignoreLabel}=true.`
        : 'Nothing to do.',
    }),
  );
}
