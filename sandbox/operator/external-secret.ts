import { type ControlPlane, remembered, shortHash } from '../cluster/control-plane.ts';
import {
  controllerOf,
  controllerReference,
  type Draft,
  equal,
  type Metadata,
  timestamp,
  without,
} from '../cluster/objects.ts';
import { type Condition, withCondition } from '../cluster/store.ts';
import type { Providers } from './providers.ts';
import { render } from './template.ts';
import { type ExternalSecret, milliseconds, type Secret } from './types.ts';

const managed = 'reconcile.external-secrets.io/managed';
const dataHash = 'reconcile.external-secrets.io/data-hash';
const createdBy = 'reconcile.external-secrets.io/created-by';

/** Keeps the target Secrets of ExternalSecrets in sync with their providers. */
export class ExternalSecrets {
  readonly #plane: ControlPlane;
  readonly #providers: Providers;
  /** The failed versions by UID, so that not every wake retries them. */
  readonly #failed = new Map<string, string>();

  constructor(plane: ControlPlane, providers: Providers) {
    this.#plane = plane;
    this.#providers = providers;
  }

  /**
   * Refreshes the ExternalSecrets that are due. Sources come before their copies.
   * @param retry whether to retry failed ones
   * @returns whether some fail
   */
  async run(retry: boolean): Promise<boolean> {
    let failing = false;
    for (const stage of [0, 1, 2]) {
      const all = this.#plane.store.list<ExternalSecret>('ExternalSecret');
      const due = all.filter(
        (candidate) => this.#providers.stage(candidate) === stage && this.#isDue(candidate),
      );
      const results = await Promise.all(due.map((candidate) => this.#refresh(candidate, retry)));
      failing ||= results.includes(false);
    }
    return failing;
  }

  /** Whether it is new or changed, its interval has passed, or its Secret was modified. */
  #isDue(external: ExternalSecret): boolean {
    const { status, spec } = external;
    const secret = this.#target(external);
    const hash = secret?.metadata.annotations?.[dataHash];
    const untouched = secret?.metadata.labels?.[managed] === 'true' && hash === dataHashOf(secret);
    if (!untouched || status?.syncedResourceVersion !== versionOf(external)) return true;
    const interval = milliseconds(spec.refreshInterval ?? '1h');
    return interval > 0 && Date.parse(status.refreshTime ?? '') + interval < this.#plane.clock.now();
  }

  /** Whether the ExternalSecret still exists after a call to its provider. */
  #exists({ metadata }: ExternalSecret): boolean {
    const current = this.#plane.store.get('ExternalSecret', metadata.name, metadata.namespace);
    return current?.metadata.uid === metadata.uid;
  }

  #target({ metadata, spec }: ExternalSecret): Secret | undefined {
    return this.#plane.store.get<Secret>('Secret', spec.target?.name ?? metadata.name, metadata.namespace);
  }

  async #refresh(external: ExternalSecret, retry: boolean): Promise<boolean> {
    const { uid = '' } = external.metadata;
    if (this.#failed.get(uid) === versionOf(external) && !retry) return false;
    const problem = await this.#sync(external);
    if (!this.#exists(external)) return true;
    if (problem === undefined) this.#failed.delete(uid);
    else this.#failed.set(uid, versionOf(external));
    const condition: Condition = problem
      ? { type: 'Ready', status: 'False', reason: 'SecretSyncedError', message: problem.message }
      : { type: 'Ready', status: 'True', reason: 'SecretSynced', message: 'secret synced' };
    if (problem) this.#plane.event(external, 'Warning', 'UpdateFailed', problem.cause, 'external-secrets');
    const now = this.#plane.clock.now();
    this.#plane.setStatus(external, {
      ...external.status,
      conditions: withCondition(external.status?.conditions, condition, now),
      ...(!problem && {
        refreshTime: timestamp(now),
        syncedResourceVersion: versionOf(external),
        binding: { name: external.spec.target?.name ?? external.metadata.name },
      }),
    });
    return problem === undefined;
  }

  /** @returns the messages of the condition and of the event when the Secret could not be updated */
  async #sync(external: ExternalSecret): Promise<{ message: string; cause: string } | undefined> {
    const failure = (message: string, error: unknown) => ({
      message,
      cause: error instanceof Error ? error.message : String(error),
    });
    let values: Record<string, string>;
    try {
      values = await this.#providers.read(external);
    } catch (error) {
      return failure('could not get secret data from provider', error);
    }
    if (!this.#exists(external)) return undefined;
    const existing = this.#target(external);
    const owner = existing && controllerOf(existing);
    if (owner?.kind === 'ExternalSecret' && owner.name !== external.metadata.name) {
      const why = `secret is owned by another ExternalSecret: ${owner.name}`;
      const cause = `unable to mutate secret ${existing?.metadata.name ?? ''}: ${why}`;
      return failure('target is owned by another ExternalSecret', cause);
    }
    try {
      this.#write(external, values, existing);
      return undefined;
    } catch (error) {
      if (error === isImmutable) {
        const message = 'could not update secret, target is immutable';
        return failure(message, inUpdate(existing, isImmutable));
      }
      return failure('could not update secret', existing ? inUpdate(existing, error) : error);
    }
  }

  #write(external: ExternalSecret, values: Record<string, string>, existing: Secret | undefined): void {
    const { metadata, spec } = external;
    const { name = metadata.name, creationPolicy = 'Owner', template } = spec.target ?? {};
    if (creationPolicy === 'None' || (creationPolicy === 'Merge' && !existing)) return;
    const rendered = renderAll(template?.data, values);
    const keepsValues = template?.mergePolicy === 'Merge' || Object.keys(rendered).length === 0;
    const data = {
      ...(creationPolicy === 'Merge' && existing?.data),
      ...(keepsValues && encodeAll(values)),
      ...encodeAll(rendered),
    };
    const manager = `externalsecrets.external-secrets.io/${metadata.name}`;
    const owns = creationPolicy === 'Owner';
    const { ownerReferences: owners = [], ...kept }: Partial<Metadata> = existing?.metadata ?? {};
    const others = owners.filter(({ uid }) => uid !== metadata.uid);
    const labels = without(kept.labels ?? {}, createdBy);
    const wanted: Draft = {
      ...existing,
      kind: 'Secret',
      ...((template?.type ?? existing?.type) && { type: template?.type ?? existing?.type }),
      metadata: {
        ...kept,
        name,
        namespace: metadata.namespace ?? '',
        labels: {
          ...labels,
          ...(template ? renderAll(template.metadata?.labels, values) : metadata.labels),
          [managed]: 'true',
          ...(owns && { [createdBy]: shortHash(`${metadata.namespace}/${metadata.name}`) }),
        },
        annotations: {
          ...kept.annotations,
          ...(template ? renderAll(template.metadata?.annotations, values) : metadata.annotations),
          [dataHash]: shortHash(data),
        },
        ...((owns || others.length > 0) && {
          ownerReferences: owns ? [...others, controllerReference(external)] : others,
        }),
      },
      data,
    };
    if (existing?.['immutable'] === true && !equal(existing.data ?? {}, data)) {
      // The operator still updates the metadata.
      this.#plane.write({ ...existing, metadata: wanted.metadata }, manager);
      throw isImmutable;
    }
    const written = this.#plane.write(wanted, manager);
    if (existing === written) return;
    const action = existing ? 'Updated' : 'Created';
    this.#plane.event(external, 'Normal', action, `secret ${action.toLowerCase()}`, 'external-secrets');
  }
}

const isImmutable = new Error('secret is immutable');

const inUpdate = (secret: Secret | undefined, error: unknown): string =>
  `unable to update secret ${secret?.metadata.name ?? ''}: ${error instanceof Error ? error.message : String(error)}`;

/** A version of spec, labels and annotations: a change of any of them forces a refresh. */
const versionOf = remembered(
  ({ metadata }: ExternalSecret) =>
    `${metadata.generation}-${shortHash([metadata.labels, metadata.annotations])}`,
);

const dataHashOf = remembered((secret: Secret) => shortHash(secret.data ?? {}));

function renderAll(
  templates: Record<string, string> = {},
  values: Record<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(templates).map(([key, template]) => [key, render(template, values)]),
  );
}

function encodeAll(values: Record<string, string>): Record<string, string> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}
