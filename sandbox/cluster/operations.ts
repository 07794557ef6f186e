import type { Admission } from './admission.ts';
import { alreadyExists, badRequest, conflict, invalid, notFound, StatusError } from './errors.ts';
import { refuseEscalation } from './escalation.ts';
import { applyFields, type Manager, recordUpdate } from './field-managers.ts';
import { type Draft, fieldAt, type Fields, isFields, type KubeObject } from './objects.ts';
import { listPage, partialMetadata, select } from './list.ts';
import { hasLog, logContainer } from './logs.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import type { Pod } from './pods.ts';
import { type Attributes, isAllowed, rulesOfUser, requireRight, type User } from './rbac.ts';
import { apiVersion, type Resource } from './resources.ts';
import type { ObjectStore } from './store.ts';
import { PolicyParameters, policyWarnings } from './validating-policies.ts';

/** A request for a resource, independent of HTTP. */
export interface ResourceRequest {
  readonly user: User;
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  readonly resource: Resource;
  readonly version: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
  readonly query: URLSearchParams;
  /** The client, as field management names it. */
  readonly manager: string;
  readonly contentType: string;
  /** Whether only metadata is requested. */
  readonly partial: boolean;
  readonly body: unknown;
}

export interface Answer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body: Fields | string;
}

/** Performs authorized requests on the store, through admission. */
export class Operations {
  readonly #store: ObjectStore;
  readonly #parameters: PolicyParameters;
  readonly #admission: Admission;
  readonly #logOf: (pod: KubeObject, container: string) => readonly string[];

  /** @param logOf the lines that a container of a pod has written */
  constructor(
    store: ObjectStore,
    admission: Admission,
    logOf: (pod: KubeObject, container: string) => readonly string[],
  ) {
    this.#store = store;
    this.#parameters = new PolicyParameters(store);
    this.#admission = admission;
    this.#logOf = logOf;
  }

  /** @throws StatusError for each refusal */
  perform(request: ResourceRequest): Answer {
    if (request.resource.kind.startsWith('SelfSubject')) return this.#review(request);
    if (request.subresource === 'log') return this.#log(request);
    switch (request.verb) {
      case 'get':
        return this.#answer(200, request, this.#existing(request));
      case 'list':
        return this.#list(request);
      case 'create':
        return this.#warned(request, this.#create(request));
      case 'update':
        return this.#warned(request, this.#update(request));
      case 'patch':
        return this.#warned(request, this.#patch(request));
      case 'delete':
        return this.#delete(request, this.#existing(request));
      case 'deletecollection':
        for (const object of this.#selected(request)) this.#delete(request, object);
        return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
    }
  }

  /** Adds the warnings of policies. A created object is admitted before it has an answer, so both are the same object. */
  #warned({ resource, subresource }: ResourceRequest, answer: Answer): Answer {
    const object = answer.body as unknown as KubeObject;
    const verb = answer.code === 201 ? 'CREATE' : 'UPDATE';
    const texts = policyWarnings(this.#store, this.#parameters, { verb, resource, subresource, object });
    if (texts.length === 0) return answer;
    const warning = texts.map((text) => `299 - "${text.replace(/[\\"]/g, '\\$&')}"`);
    return { ...answer, headers: { ...answer.headers, warning } };
  }

  /** The log of a container: plain text, which only a container that has started has. */
  #log(request: ResourceRequest): Answer {
    const { query } = request;
    const pod = this.#existing(request) as Pod;
    const container = logContainer(pod, query.get('container') ?? '');
    if (!hasLog(this.#store, pod, container)) return { code: 204, body: '' };
    const lines = this.#logOf(pod, container);
    const count = Number(query.get('tailLines') ?? lines.length);
    const last = count === 0 ? [] : lines.slice(-count);
    return { code: 200, body: last.map((line) => `${line}\n`).join('') };
  }

  #existing({ resource, name = '', namespace }: ResourceRequest): KubeObject {
    const object = this.#store.get(resource.kind, name, namespace);
    if (object === undefined) throw notFound(resource, name);
    return object;
  }

  #answer(code: number, { resource, version, partial }: ResourceRequest, object: KubeObject): Answer {
    if (partial) return { code, body: partialMetadata(object) };
    return { code, body: { ...object, apiVersion: apiVersion(resource.group, version) } };
  }

  #selected({ resource, namespace, query }: ResourceRequest): KubeObject[] {
    const labelSelector = query.get('labelSelector') ?? '';
    return select(this.#store, resource, {
      namespace,
      labelSelector,
      fieldSelector: query.get('fieldSelector') ?? '',
    });
  }

  #list(request: ResourceRequest): Answer {
    const { resource, version, query, partial } = request;
    const limit = Number(query.get('limit') ?? 0);
    const resourceVersion = this.#store.version;
    const page = { resource, version, resourceVersion, limit, from: query.get('continue') ?? '', partial };
    return { code: 200, body: listPage(this.#selected(request), page) };
  }

  #create(request: ResourceRequest): Answer {
    const { resource } = request;
    const draft = this.#draft(request, request.body);
    const { name, namespace, generateName } = draft.metadata;
    if (!name && !generateName) {
      throw invalid(
        resource,
        '',
        'metadata.name',
        'Required value: name or generateName is required',
        'FieldValueRequired',
      );
    }
    if (name && this.#store.get(resource.kind, name, namespace)) throw alreadyExists(resource, name);
    return this.#answer(201, request, this.#write(request, this.#store.preview(draft)));
  }

  #update(request: ResourceRequest): Answer {
    const current = this.#existing(request);
    const draft = this.#draft(request, request.body);
    return this.#answer(200, request, this.#replace(request, current, draft));
  }

  #patch(request: ResourceRequest): Answer {
    const { contentType, body } = request;
    if (isApply(request)) return this.#apply(request);
    const current = this.#existing(request);
    let changed: unknown;
    if (contentType === 'application/json-patch+json') changed = jsonPatch(current, body);
    else if (contentType === 'application/merge-patch+json') changed = mergePatch(current, body);
    else
      throw new StatusError(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format: ${contentType}`,
      );
    return this.#answer(200, request, this.#replace(request, current, this.#draft(request, changed)));
  }

  #apply(request: ResourceRequest): Answer {
    const { resource, query, name = '', namespace } = request;
    if (!query.get('fieldManager')) {
      const options = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };
      throw invalid(
        options,
        '',
        'fieldManager',
        'Required value: is required for apply patch',
        'FieldValueRequired',
      );
    }
    const draft = this.#draft(request, request.body);
    const current = this.#store.get(resource.kind, name, namespace);
    if (current === undefined) requireRight(this.#store, { ...request, verb: 'create' });
    const isForced = query.get('force') === 'true';
    const merged = applyFields(this.#manager(request), current, draft, resource, isForced);
    if (current === undefined) {
      return this.#answer(201, request, this.#write(request, this.#store.preview(merged)));
    }
    return this.#answer(200, request, this.#replace(request, current, merged));
  }

  /** Checks that the kind, name and namespace of a body match the path, and sets those that are absent. */
  #draft({ resource, version, name, namespace }: ResourceRequest, body: unknown): Draft {
    const groupVersion = apiVersion(resource.group, version);
    if (!isFields(body) || !isFields(body['metadata'] ?? {}))
      throw badRequest('the object provided is unrecognized');
    const { kind = resource.kind, apiVersion: sent = groupVersion } = body;
    const metadata: Draft['metadata'] = { ...(body['metadata'] as Draft['metadata']) };
    if (kind !== resource.kind || sent !== groupVersion) {
      throw badRequest(
        `the API version in the data (${String(sent)}, Kind=${String(kind)}) does not match the expected API version (${groupVersion})`,
      );
    }
    if (name !== undefined && (metadata.name ??= name) !== name) {
      throw badRequest(
        `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    if (namespace !== undefined && (metadata.namespace ??= namespace) !== namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    return { ...body, kind: resource.kind, apiVersion: groupVersion, metadata };
  }

  #replace(request: ResourceRequest, current: KubeObject, draft: Draft): KubeObject {
    const { resource, subresource } = request;
    const { resourceVersion } = draft.metadata;
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
      throw conflict(resource, current.metadata.name);
    }
    if (subresource === 'status') return this.#write(request, { ...current, status: draft.status }, current);
    const kept = resource.status ? { ...draft, status: current.status } : draft;
    return this.#write(request, this.#store.preview(kept), current);
  }

  #write(request: ResourceRequest, object: KubeObject, old?: KubeObject): KubeObject {
    const { resource, query } = request;
    refuseEscalation(this.#store, request, object, old);
    const admitted = this.#admission.admit(old === undefined ? 'CREATE' : 'UPDATE', resource, object, old);
    if (!isApply(request) && request.subresource !== 'status') {
      recordUpdate(this.#manager(request), old, admitted, resource);
    }
    return query.get('dryRun') === 'All' ? this.#store.preview(admitted) : this.#store.put(admitted);
  }

  #manager({ manager, resource, version }: ResourceRequest): Manager {
    return { manager, apiVersion: apiVersion(resource.group, version), time: this.#store.time };
  }

  #delete({ resource, query, body }: ResourceRequest, object: KubeObject): Answer {
    const { name, namespace, uid } = object.metadata;
    const options = isFields(body) ? body : {};
    for (const field of ['uid', 'resourceVersion'] as const) {
      const wanted = fieldAt(options, ['preconditions', field]);
      if (wanted === undefined || wanted === object.metadata[field]) continue;
      throw conflict(
        resource,
        name,
        `the ${field} in the precondition (${JSON.stringify(wanted)}) does not match`,
      );
    }
    this.#admission.validate('DELETE', resource, object);
    const orphan = (query.get('propagationPolicy') ?? options['propagationPolicy']) === 'Orphan';
    const force = String(query.get('gracePeriodSeconds') ?? options['gracePeriodSeconds']) === '0';
    if (query.get('dryRun') !== 'All') {
      this.#store.delete(resource.kind, name, namespace, { orphan, force });
      this.#parameters.deleted(resource.kind);
    }
    const details = { name, group: resource.group, kind: resource.plural, uid };
    return {
      code: 200,
      body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
    };
  }

  /** Access reviews get a response, but are not stored. */
  #review(request: ResourceRequest): Answer {
    const { user, body, resource } = request;
    if (resource.kind === 'SelfSubjectReview') {
      return { code: 201, body: { ...this.#draft(request, body), status: { userInfo: user } } };
    }
    if (resource.kind === 'SelfSubjectRulesReview') {
      const namespace = fieldAt(body, ['spec', 'namespace']);
      if (typeof namespace !== 'string' || namespace === '')
        throw new StatusError(400, 'BadRequest', 'no namespace on request');
      const rules = rulesOfUser(this.#store, user, namespace);
      const resourceRules = rules.filter(({ resources }) => resources);
      const nonResourceRules = rules.filter(({ nonResourceURLs }) => nonResourceURLs);
      const status = { resourceRules, nonResourceRules, incomplete: false };
      return { code: 201, body: { ...this.#draft(request, body), status } };
    }
    const wanted = fieldAt(body, ['spec', 'resourceAttributes']);
    const allowed = isFields(wanted) && isAllowed(this.#store, user, wanted as unknown as Attributes);
    return { code: 201, body: { ...this.#draft(request, body), status: { allowed } } };
  }
}

const isApply = ({ verb, contentType }: ResourceRequest): boolean =>
  verb === 'patch' && contentType.startsWith('application/apply-patch');
