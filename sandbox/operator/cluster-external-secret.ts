import { type ControlPlane, remembered, shortHash } from '../cluster/control-plane.ts';
import { controllerOf, controllerReference, without } from '../cluster/objects.ts';
import { matches } from '../cluster/selectors.ts';
import { type Condition, withCondition } from '../cluster/store.ts';
import { type ClusterExternalSecret, type ExternalSecret, milliseconds } from './types.ts';

/** Maintains an ExternalSecret in each namespace that a ClusterExternalSecret selects. */
export class ClusterExternalSecrets {
  readonly #plane: ControlPlane;
  /** The last signature of each ClusterExternalSecret, and its time, by UID. */
  readonly #seen = new Map<string, { signature: string; at: number }>();

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  run(): void {
    const { clock, store } = this.#plane;
    for (const cluster of store.list<ClusterExternalSecret>('ClusterExternalSecret')) {
      const { uid = '' } = cluster.metadata;
      const signature = this.#signature(cluster);
      const seen = this.#seen.get(uid);
      const due =
        seen !== undefined && seen.at + milliseconds(cluster.spec.refreshTime ?? '1h') < clock.now();
      if (seen?.signature === signature && !due) continue;
      this.#provision(cluster);
      this.#seen.set(uid, { signature: this.#signature(cluster), at: clock.now() });
    }
  }

  /**
   * A hash of the watched objects: the ClusterExternalSecret, the namespaces and the ExternalSecrets that it owns. Other
   * ExternalSecrets are not watched, so their deletion has an effect only at the next refresh.
   */
  #signature({ metadata, spec }: ClusterExternalSecret): string {
    const namespaces = this.#plane.store.list('Namespace').map((namespace) => namespace.metadata);
    const owned = this.#owned(metadata.uid).map(contentHash);
    return shortHash([spec, metadata.labels, namespaces.map(({ name, labels }) => [name, labels]), owned]);
  }

  #owned(uid: string | undefined): ExternalSecret[] {
    return this.#plane.store
      .list<ExternalSecret>('ExternalSecret')
      .filter((external) => controllerOf(external)?.uid === uid);
  }

  #provision(cluster: ClusterExternalSecret): void {
    const { store, clock } = this.#plane;
    const name = cluster.spec.externalSecretName ?? cluster.metadata.name;
    const selected = this.#selected(cluster);
    for (const { metadata } of this.#owned(cluster.metadata.uid)) {
      if (metadata.name === name && selected.includes(metadata.namespace ?? '')) continue;
      store.delete('ExternalSecret', metadata.name, metadata.namespace);
    }
    const failedNamespaces = selected.flatMap((namespace) => {
      const reason = this.#writeExternalSecret(cluster, name, namespace);
      return reason === undefined ? [] : [{ namespace, reason }];
    });
    const failed = new Set(failedNamespaces.map(({ namespace }) => namespace));
    const condition: Condition =
      failed.size === 0
        ? { type: 'Ready', status: 'True' }
        : { type: 'Ready', status: 'False', message: 'one or more namespaces failed' };
    this.#plane.setStatus(cluster, {
      conditions: withCondition(cluster.status?.conditions, condition, clock.now()),
      externalSecretName: name,
      provisionedNamespaces: selected.filter((namespace) => !failed.has(namespace)),
      ...(failed.size > 0 && { failedNamespaces }),
    });
  }

  #selected({ spec }: ClusterExternalSecret): string[] {
    const selectors = [
      ...(spec.namespaceSelectors ?? []),
      ...(spec.namespaceSelector ? [spec.namespaceSelector] : []),
    ];
    return this.#plane.store
      .list('Namespace')
      .map(({ metadata }) => metadata)
      .filter(
        ({ name, labels }) =>
          spec.namespaces?.includes(name) || selectors.some((selector) => matches(selector, labels)),
      )
      .map(({ name }) => name);
  }

  /** Creates or updates one ExternalSecret, and never adopts one of another owner. @returns why that failed */
  #writeExternalSecret(cluster: ClusterExternalSecret, name: string, namespace: string): string | undefined {
    const existing = this.#plane.store.get<ExternalSecret>('ExternalSecret', name, namespace);
    if (existing && controllerOf(existing)?.name !== cluster.metadata.name) {
      return 'external secret already exists in namespace';
    }
    const { externalSecretMetadata, externalSecretSpec: spec } = cluster.spec;
    try {
      this.#plane.write({
        ...existing,
        kind: 'ExternalSecret',
        metadata: {
          name,
          namespace,
          ...externalSecretMetadata,
          ...(existing?.metadata.finalizers ? { finalizers: existing.metadata.finalizers } : {}),
          ownerReferences: [controllerReference(cluster)],
        },
        spec,
      });
      return undefined;
    } catch (error) {
      return `could not create or update ExternalSecret: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/** A hash of metadata and spec, so a status update does not change it. */
const contentHash = remembered(({ metadata, spec }: ExternalSecret) => {
  return shortHash([without(metadata, 'resourceVersion'), spec]);
});
