import { BootstrapError } from '../../core/errors.ts';
import { onceFulfilled } from '../../core/once.ts';
import { describe, Discovery, pathOf, type Resource } from './discovery.ts';
import { ClusterRefusal, isConflict, parseAnswer } from './errors.ts';
import { listAll } from './lists.ts';
import { fieldManager, type ManagedFields, adoptedFields } from './managed-fields.ts';
import { refOf } from './names.ts';
import type {
  AccessQuestion,
  ClusterInfo,
  ClusterPort,
  DeleteOptions,
  JsonPatchOperation,
  Kind,
  KubeObject,
  ListOptions,
  ObjectMeta,
  ObjectRef,
  WriteOptions,
} from './port.ts';
import {
  type ApiResponse,
  anyMediaType,
  ApiTransport,
  type ApiRequest,
  type TransportOptions,
} from './transport.ts';
import { redact } from '../../core/secret.ts';
import type { ClusterRule } from '../../core/step.ts';

export type ClusterOptions = TransportOptions;

/** The cluster of a kubeconfig's context. Reads files and opens connections only on the first call. */
export function createCluster(options: ClusterOptions): ClusterPort & { close(): Promise<void> } {
  return new Cluster(new ApiTransport(options));
}

const versionPath = '/metadata/resourceVersion';
/** Attempts to become the manager of an object that other clients change concurrently. */
const maxAdoptionAttempts = 5;

type Write = Pick<ApiRequest, 'method' | 'repeatable'> & Partial<Pick<ApiRequest, 'contentType'>>;

class Cluster implements ClusterPort {
  readonly #transport: ApiTransport;
  readonly #discovery: Discovery;
  readonly info = onceFulfilled(() => this.#askInfo());

  constructor(transport: ApiTransport) {
    this.#transport = transport;
    this.#discovery = new Discovery(transport);
  }

  async serves(kind: Kind): Promise<boolean> {
    return (await this.#discovery.resource(kind)) !== undefined;
  }

  kindOf(resource: string): Promise<Kind | undefined> {
    return this.#discovery.kind(resource);
  }

  forgetKinds(): void {
    this.#discovery.forget();
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    const resource = await this.#discovery.resource(ref);
    if (!resource) return undefined;
    const path = pathOf(resource, ref.namespace, ref.name);
    const request = { method: 'GET', path, what: describe('get', ref), repeatable: true } as const;
    const answer = await this.#transport.send(request, [404]);
    return answer.status === 404 ? undefined : parse(answer);
  }

  async list(kind: Kind, options: ListOptions = {}): Promise<readonly KubeObject[]> {
    const resource = await this.#discovery.resource(kind);
    return resource ? listAll(this.#transport, resource, kind, options) : [];
  }

  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.#create(object, { method: 'POST', repeatable: false }, options);
  }

  async creationWarnings(object: KubeObject): Promise<readonly string[]> {
    return warningsIn(await this.#post(object, { method: 'POST', repeatable: true }, { dryRun: true }));
  }

  async #create(object: KubeObject, write: Write, options?: WriteOptions): Promise<KubeObject> {
    return parse(await this.#post(object, write, options));
  }

  async #post(object: KubeObject, write: Write, options?: WriteOptions): Promise<ApiResponse> {
    const ref = refOf(object);
    const { base, plural, namespaced } = await this.#resource('create', ref);
    const path = pathOf({ base, plural, namespaced }, ref.namespace);
    return this.#send(write, path, describe('create', ref), object, options);
  }

  async apply(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const write = { method: 'PATCH', repeatable: true, contentType: 'application/apply-patch+yaml' } as const;
    return this.#writeTo('apply', refOf(object), write, object, { ...options, force: true });
  }

  async adopt(object: KubeObject): Promise<KubeObject> {
    const ref = refOf(object);
    for (let attempt = 1; ; attempt += 1) {
      const { managedFields = [], resourceVersion } = ((await this.get(ref))?.metadata ??
        {}) as ObjectMeta & {
        readonly managedFields?: readonly ManagedFields[];
      };
      const record = adoptedFields(managedFields, object.apiVersion);
      if (!record) return this.apply(object);
      try {
        await this.patch(ref, [
          { op: 'test', path: versionPath, value: resourceVersion },
          { op: 'replace', path: '/metadata/managedFields', value: record },
        ]);
        return await this.apply(object);
      } catch (error) {
        // Another client changed the object first, or the patch took effect and its response was lost.
        if (!isConflict(error) || attempt === maxAdoptionAttempts) throw error;
      }
    }
  }

  async update(object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.#writeTo('update', refOf(object), { method: 'PUT', repeatable: false }, object, options);
  }

  async patch(
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options?: WriteOptions,
  ): Promise<KubeObject> {
    const repeatable = isGuarded(operations) || operations.every(setsText);
    const write = { method: 'PATCH', repeatable, contentType: 'application/json-patch+json' } as const;
    try {
      return await this.#writeTo('patch', ref, write, operations, options);
    } catch (error) {
      throw isGuarded(operations) ? asConflict(error) : error;
    }
  }

  async delete(ref: ObjectRef, { uid, resourceVersion, force }: DeleteOptions = {}): Promise<void> {
    const resource = await this.#discovery.resource(ref);
    if (!resource) return;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid, resourceVersion },
      ...(force ? { gracePeriodSeconds: 0 } : {}),
    };
    const path = pathOf(resource, ref.namespace, ref.name);
    const request = { method: 'DELETE', path, what: describe('delete', ref), repeatable: true } as const;
    await this.#transport.send({ ...request, body }, [404]);
  }

  async allowed(question: AccessQuestion): Promise<boolean> {
    const review: KubeObject = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: { name: '' },
      spec: { resourceAttributes: question },
    };
    // The API server answers a review and does not store it.
    const answered = await this.#create(review, { method: 'POST', repeatable: true });
    return (answered['status'] as { allowed?: boolean } | undefined)?.allowed === true;
  }

  async rules(namespace: string): Promise<readonly ClusterRule[] | undefined> {
    const review: KubeObject = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      metadata: { name: '' },
      spec: { namespace },
    };
    const { status } = (await this.#create(review, { method: 'POST', repeatable: true })) as {
      readonly status?: {
        readonly incomplete?: boolean;
        /** Null without any. The server leaves out empty lists. */
        readonly resourceRules?: readonly Partial<ClusterRule>[] | null;
      };
    };
    if (status?.incomplete !== false) return undefined;
    return (status.resourceRules ?? []).map((rule) => ({ apiGroups: [], resources: [], verbs: [], ...rule }));
  }

  async lastLogLine(pod: ObjectRef, container: string): Promise<string | undefined> {
    const resource = await this.#resource('get', pod);
    const path = `${pathOf(resource, pod.namespace, pod.name)}/log?container=${container}&tailLines=1`;
    const what = `read the log of ${pod.kind} ${pod.namespace ?? ''}/${pod.name}`;
    // The API server sends logs as plain text, but refuses a request that accepts only that (406).
    // 400: the container has not started.
    const request = { method: 'GET', path, what, repeatable: true, accept: anyMediaType } as const;
    const answer = await this.#transport.send(request, [400, 404]);
    const line = answer.status === 200 ? answer.body.trim() : '';
    return line === '' ? undefined : line;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #askInfo(): Promise<ClusterInfo> {
    const { name, cluster } = await this.#transport.context();
    const request = { method: 'GET', path: '/version', what: 'get the version', repeatable: true } as const;
    const answer = await this.#transport.send(request);
    const { gitVersion } = parseAnswer(answer.body) as { gitVersion: string };
    return { context: name, server: cluster.server, version: gitVersion };
  }

  async #writeTo(
    verb: string,
    ref: ObjectRef,
    write: Write,
    body: unknown,
    options?: WriteOptions & { force?: boolean },
  ): Promise<KubeObject> {
    const resource = await this.#resource(verb, ref);
    const path = pathOf(resource, ref.namespace, ref.name);
    return parse(await this.#send(write, path, describe(verb, ref), body, options));
  }

  async #send(
    write: Write,
    path: string,
    what: string,
    body: unknown,
    { dryRun, force }: WriteOptions & { force?: boolean } = {},
  ): Promise<ApiResponse> {
    hideData(body);
    const query = new URLSearchParams({
      fieldManager,
      ...(force ? { force: 'true' } : {}),
      ...(dryRun ? { dryRun: 'All' } : {}),
    });
    const request = { ...write, path: `${path}?${query.toString()}`, what, body };
    return this.#transport.send(dryRun ? { ...request, repeatable: true } : request);
  }

  async #resource(verb: string, ref: ObjectRef): Promise<Resource> {
    const resource = await this.#discovery.resource(ref);
    if (resource) return resource;
    throw new BootstrapError({
      code: 'cluster-failed',
      what: `could not ${describe(verb, ref)}`,
      why: `the cluster does not serve ${ref.kind} in ${ref.apiVersion}`,
      hint: 'List the kinds that it serves: kubectl api-resources',
    });
  }
}

function parse({ body }: ApiResponse): KubeObject {
  const object = parseAnswer(body) as KubeObject;
  hideData(object);
  return object;
}

/** The texts of `299 - "TEXT"`, one or more in a header. */
const warningsIn = ({ warning = '' }: ApiResponse): readonly string[] =>
  [...warning.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );

/** Whether the patch tests the version: once applied it changes the version, so a repetition is rejected. */
const isGuarded = (operations: readonly JsonPatchOperation[]): boolean =>
  operations.some(({ op, path }) => op === 'test' && path === versionPath);

/** Whether a repetition has the same effect. A repetition in a list would not. */
const setsText = (operation: JsonPatchOperation): boolean =>
  operation.op !== 'remove' && typeof operation.value === 'string' && !/\/(\d+|-)$/.test(operation.path);

/** The API server answers a JSON patch whose `test` fails with 422, not 409 (k8s.io/apiserver, patch handler). */
function asConflict(error: unknown): unknown {
  if (!(error instanceof ClusterRefusal) || error.refusal !== 'invalid') return error;
  return new ClusterRefusal('conflict', error);
}

/** Redacts a Secret's data, in every form in which an error of the API server may repeat it. */
function hideData(object: unknown): void {
  const { kind, data, stringData } = (object ?? {}) as {
    kind?: unknown;
    data?: Readonly<Record<string, unknown>>;
    stringData?: Readonly<Record<string, unknown>>;
  };
  if (kind !== 'Secret') return;
  for (const value of Object.values({ ...data, ...stringData })) if (typeof value === 'string') redact(value);
}
