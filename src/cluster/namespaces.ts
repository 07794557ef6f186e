import type { KubeObject } from '../clients/kubernetes/port.ts';
import { matchesAny } from './globs.ts';
import type { NamespaceInfo } from './inventory-port.ts';
import { ignoreLabel } from '../core/ownership.ts';

/** @param exclude globs of the configuration: `kube-*` */
export function namespaceInfos(
  namespaces: readonly KubeObject[],
  exclude: readonly string[],
): readonly NamespaceInfo[] {
  const excluded = matchesAny(exclude);
  return namespaces.map((namespace) => {
    const { name, labels = {}, deletionTimestamp } = namespace.metadata;
    return {
      name,
      labels,
      ignored: optsOut(namespace) || excluded(name),
      terminating: deletionTimestamp !== undefined,
    };
  });
}

export const optsOut = ({ metadata }: KubeObject): boolean => metadata.labels?.[ignoreLabel] === 'true';
