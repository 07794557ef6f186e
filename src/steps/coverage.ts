import { refOf, targetOf } from '../cluster/names.ts';
import type { KubeObject } from '../cluster/port.ts';
import type { NamespaceInfo } from '../inventory/port.ts';
import { type Finding, nameOf } from '../plan/index.ts';
import type { Context } from './context.ts';
import { isOurs } from './objects.ts';
import { ignoreLabel, operatorNamespace } from './ownership.ts';

/** Which namespaces get copies of the pull secret. */
export interface Coverage {
  /** All that are to have one, without the operator's namespace, where the original is. */
  readonly covered: readonly NamespaceInfo[];
  readonly ignored: readonly NamespaceInfo[];
  /** A secret of that name, or what makes one, is somebody else's there. The operator would overwrite it. */
  readonly foreign: readonly ForeignCopy[];
}

export interface ForeignCopy {
  readonly namespace: string;
  readonly object: KubeObject;
}

/** On Secrets that External Secrets Operator keeps. */
const reconciled = 'reconcile.external-secrets.io/managed';

/** Whether the operator wrote it, and not we. */
export const isReconciled = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[reconciled] === 'true' &&
  metadata.annotations?.['reconcile.external-secrets.io/data-hash'] !== undefined;

export async function observeCoverage({ config, inventory }: Context): Promise<Coverage> {
  const [namespaces, secrets, externalSecrets] = await Promise.all([
    inventory.namespaces(),
    inventory.pullSecrets(),
    inventory.externalSecrets(),
  ]);
  const { name } = config.pullSecret;
  const copies = externalSecrets.filter(({ metadata }) => metadata.name === name);
  const others = [
    ...secrets.filter((secret) => !isReconciled(secret) && !isOurs(secret)),
    ...copies.filter((copy) => !isFannedOut(copy, name)),
  ];
  const foreign = new Map(others.map((object) => [object.metadata.namespace ?? '', object]));
  const eligible = namespaces.filter((one) => !one.terminating && one.name !== operatorNamespace);
  const wanted = eligible.filter(({ ignored }) => !ignored);
  return {
    covered: wanted.filter((one) => !foreign.has(one.name)),
    ignored: eligible.filter(({ ignored }) => ignored),
    foreign: wanted.flatMap((one) => {
      const object = foreign.get(one.name);
      return object ? [{ namespace: one.name, object }] : [];
    }),
  };
}

/** Made by our ClusterExternalSecret, which bears the pull secret's name. */
export const isFannedOut = ({ metadata }: KubeObject, name: string): boolean =>
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

/** Selects the covered namespaces, future ones too. Globs and foreign copies are resolved to names, because labels know no globs. */
export function namespaceSelector(coverage: Coverage): LabelSelector {
  const byName = coverage.ignored.filter(({ labels }) => labels[ignoreLabel] !== 'true');
  const excluded = [...byName.map(({ name }) => name), ...coverage.foreign.map(({ namespace }) => namespace)];
  const names = [operatorNamespace, ...excluded.sort()];
  return {
    matchExpressions: [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: names },
      { key: ignoreLabel, operator: 'NotIn', values: ['true'] },
    ],
  };
}

export function foreignFindings({ foreign }: Coverage): readonly Finding[] {
  return foreign.map(({ namespace, object }) => {
    const target = targetOf(refOf(object));
    return {
      level: 'failed',
      code: 'pull-secret-foreign',
      target,
      what: `${nameOf(target)} exists and is not ours, so namespace ${namespace} gets no pull secret`,
      why: 'the operator would overwrite it',
      hint: `${adoptHint(object)}Delete it (kubectl -n ${namespace} delete ${object.kind.toLowerCase()} ${object.metadata.name}) and run ecr-bootstrap up, or choose another pullSecret.name.`,
      resolvedBy: target,
    };
  });
}

/** What something else keeps would be written in turn. */
const adoptHint = ({ kind, metadata }: KubeObject): string =>
  kind === 'Secret' && !metadata.ownerReferences?.length
    ? `Take it over: ecr-bootstrap up --adopt '${kind} ${metadata.namespace}/${metadata.name}'. Or: `
    : '';

export function ignoredFindings({ ignored }: Coverage): readonly Finding[] {
  return ignored.map(({ name, labels }) => ({
    level: 'ok',
    code: 'namespace-ignored',
    target: { kind: 'Namespace', name },
    what: `namespace ${name} is left alone`,
    why:
      labels[ignoreLabel] === 'true' ? `its label ${ignoreLabel}` : 'namespaces.exclude in the configuration',
    hint: 'Nothing to do.',
  }));
}
