import { fillDefaults } from './defaults.ts';
import { badRequest, internal, invalid, notAdmitted, notFound, StatusError } from './errors.ts';
import { canonical, equal, fieldAt, type Fields, isFields, type KubeObject } from './objects.ts';
import { mutateServiceAccount } from './policies.ts';
import { requireQuota } from './quotas.ts';
import type { Resource } from './resources.ts';
import { type LabelSelector, matches } from './selectors.ts';
import type { ObjectStore } from './store.ts';

export type Verb = 'CREATE' | 'UPDATE' | 'DELETE';

/** The target of the calls of a webhook configuration. */
export interface ClientConfig {
  service?: { name: string; namespace: string; path?: string; port?: number };
  caBundle?: string;
}

/**
 * Performs a call to a validating webhook.
 * @returns why the webhook denies the request; undefined when it allows the request
 * @throws Error with the connection error when the webhook is unreachable
 */
export type WebhookCall = (client: ClientConfig, verb: Verb, object: KubeObject) => string | undefined;

interface WebhookConfiguration extends KubeObject {
  webhooks?: {
    name: string;
    clientConfig: ClientConfig;
    failurePolicy?: 'Fail' | 'Ignore';
    timeoutSeconds?: number;
    namespaceSelector?: LabelSelector;
    rules?: { apiGroups?: string[]; operations?: string[]; resources?: string[] }[];
  }[];
}

/** Processes an object between a request and the store: defaults, validation, admission plug-ins and webhooks. */
export class Admission {
  readonly #store: ObjectStore;
  readonly #callWebhook: WebhookCall;

  constructor(store: ObjectStore, callWebhook: WebhookCall) {
    this.#store = store;
    this.#callWebhook = callWebhook;
  }

  /** Returns the object to store. @throws StatusError for a refusal */
  admit(verb: 'CREATE' | 'UPDATE', resource: Resource, draft: KubeObject, old?: KubeObject): KubeObject {
    const object = structuredClone(draft);
    if (old === undefined) requireName(resource, object);
    if (resource.namespaced) this.#requireNamespace(resource, object, old === undefined);
    if (object.kind === 'ServiceAccount') mutateServiceAccount(this.#store, verb, object);
    if (object.kind === 'Secret') normaliseSecret(object, resource);
    if (object.kind === 'Secret' || object.kind === 'ConfigMap') requireKeys(resource, object);
    fillDefaults(object);
    if (object.kind === 'Namespace') {
      object.metadata.labels = {
        ...object.metadata.labels,
        'kubernetes.io/metadata.name': object.metadata.name,
      };
    }
    if (object.kind === 'Pod' && old === undefined) admitPod(this.#store, object);
    if (old !== undefined) keepImmutable(resource, object, old);
    this.validate(verb, resource, object);
    if (old === undefined && resource.namespaced) requireQuota(this.#store, resource, object);
    return object;
  }

  /** Calls the validating webhooks that cover the request. For deletions it is the only admission step. */
  validate(verb: Verb, resource: Resource, object: KubeObject): void {
    for (const { webhooks = [] } of this.#store.list<WebhookConfiguration>(
      'ValidatingWebhookConfiguration',
    )) {
      for (const webhook of webhooks) {
        const { name, clientConfig, failurePolicy, timeoutSeconds = 10, rules = [] } = webhook;
        const includes = (values: string[] = [], value: string) =>
          values.includes('*') || values.includes(value);
        const covered = rules.some(
          (rule) =>
            includes(rule.apiGroups, resource.group) &&
            includes(rule.operations, verb) &&
            includes(rule.resources, resource.plural),
        );
        if (!covered || !this.#isSelected(webhook.namespaceSelector, object)) continue;
        const refusal = this.#ask(name, clientConfig, failurePolicy, timeoutSeconds, () =>
          this.#callWebhook(clientConfig, verb, object),
        );
        if (refusal === undefined) continue;
        throw new StatusError(403, 'Forbidden', `admission webhook "${name}" denied the request: ${refusal}`);
      }
    }
  }

  /** An object without a namespace is always selected. */
  #isSelected(selector: LabelSelector | undefined, { metadata }: KubeObject): boolean {
    if (selector === undefined || metadata.namespace === undefined) return true;
    return matches(selector, this.#store.get('Namespace', metadata.namespace)?.metadata.labels);
  }

  #ask(
    name: string,
    { service }: ClientConfig,
    failurePolicy: string | undefined,
    timeout: number,
    call: () => string | undefined,
  ): string | undefined {
    try {
      return call();
    } catch (error) {
      if (failurePolicy === 'Ignore') return undefined;
      const { name: host = '', namespace = '', path = '/', port = 443 } = service ?? {};
      const url = `https://${host}.${namespace}.svc:${port}${path}?timeout=${timeout}s`;
      const why = error instanceof Error ? error.message : String(error);
      throw internal(`failed calling webhook "${name}": failed to call webhook: Post "${url}": ${why}`);
    }
  }

  /** The NamespaceLifecycle plug-in: existing objects in a terminating namespace can still change. */
  #requireNamespace(resource: Resource, { metadata }: KubeObject, isNew: boolean): void {
    const { name, namespace = '' } = metadata;
    const found = this.#store.get('Namespace', namespace);
    if (found === undefined)
      throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (!isNew || found.metadata.deletionTimestamp === undefined) return;
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw notAdmitted(resource, name, why, [cause]);
  }
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** The syntax of names by kind, and the longest one. Names of RBAC may have any character that a path can have. */
function syntaxOf({ group, kind }: Resource): { pattern: RegExp; most: number; what: string } {
  if (group === 'rbac.authorization.k8s.io')
    return { pattern: /^[^/%]+$/, most: Infinity, what: 'a path segment' };
  if (kind === 'Namespace')
    return { pattern: new RegExp(`^${label}$`), most: 63, what: 'a lowercase RFC 1123 label' };
  const pattern = new RegExp(`^${label}(\\.${label})*$`);
  return { pattern, most: 253, what: 'a lowercase RFC 1123 subdomain' };
}

function requireName(resource: Resource, { metadata: { name } }: KubeObject): void {
  const { pattern, most, what } = syntaxOf(resource);
  if (pattern.test(name) && name.length <= most) return;
  throw invalid(resource, name, 'metadata.name', `Invalid value: ${canonical(name)}: must be ${what}`);
}

/** The keys become names of files. */
function requireKeys(resource: Resource, { metadata: { name }, data }: KubeObject): void {
  for (const key of Object.keys(isFields(data) ? data : {})) {
    if (/^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..')) continue;
    throw invalid(
      resource,
      name,
      `data[${key}]`,
      `Invalid value: ${canonical(key)}: must be the name of a file`,
    );
  }
}

/** Fields that an update cannot change. */
const immutable: Record<string, string[]> = {
  Secret: ['type'],
  Deployment: ['spec.selector'],
  DaemonSet: ['spec.selector'],
  RoleBinding: ['roleRef'],
  ClusterRoleBinding: ['roleRef'],
};

function keepImmutable(resource: Resource, object: KubeObject, old: KubeObject): void {
  if (old['immutable'] === true) keepData(resource, object, old);
  if (object.kind === 'Pod' && !equal(fixedSpec(object), fixedSpec(old))) {
    const why = 'Forbidden: pod updates may not change fields other than images, deadlines and tolerations';
    throw invalid(resource, object.metadata.name, 'spec', why, 'FieldValueForbidden');
  }
  for (const field of immutable[object.kind] ?? []) {
    const value = fieldAt(object, field.split('.'));
    if (equal(value, fieldAt(old, field.split('.')))) continue;
    throw invalid(
      resource,
      object.metadata.name,
      field,
      `Invalid value: ${canonical(value)}: field is immutable`,
    );
  }
}

/** The fields of a pod that an update cannot change. */
function fixedSpec({ spec }: KubeObject): unknown {
  const { containers, initContainers, tolerations, activeDeadlineSeconds, ...rest } = (spec ?? {}) as Fields;
  const withoutImage = (list: unknown): unknown =>
    Array.isArray(list) ? list.map((one) => ({ ...(one as Fields), image: undefined })) : list;
  return { ...rest, containers: withoutImage(containers), initContainers: withoutImage(initContainers) };
}

/** Secrets and ConfigMaps with `immutable: true`. */
function keepData(resource: Resource, object: KubeObject, old: KubeObject): void {
  const field = object['immutable'] === true ? 'data' : 'immutable';
  if (field === 'data' && equal(object['data'] ?? {}, old['data'] ?? {})) return;
  const why = 'Forbidden: field is immutable when `immutable` is set';
  throw invalid(resource, object.metadata.name, field, why, 'FieldValueForbidden');
}

interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

function normaliseSecret(secret: Secret, resource: Resource): void {
  const { stringData, ...rest } = secret;
  delete secret.stringData;
  secret.type = rest.type ?? 'Opaque';
  for (const [key, value] of Object.entries(stringData ?? {})) {
    secret.data = { ...secret.data, [key]: Buffer.from(value).toString('base64') };
  }
  for (const value of Object.values(secret.data ?? {})) {
    if (Buffer.from(value, 'base64').toString('base64') !== value) {
      throw badRequest(
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
      );
    }
  }
  if (secret.type === 'kubernetes.io/dockerconfigjson') requireDockerConfig(secret, resource);
}

function requireDockerConfig({ data, metadata }: Secret, resource: Resource): void {
  const field = 'data[.dockerconfigjson]';
  const encoded = data?.['.dockerconfigjson'];
  if (encoded === undefined)
    throw invalid(resource, metadata.name, field, 'Required value', 'FieldValueRequired');
  try {
    if (isFields(JSON.parse(Buffer.from(encoded, 'base64').toString()))) return;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid(
    resource,
    metadata.name,
    field,
    'Invalid value: "<secret contents redacted>": not a JSON object',
  );
}

interface Pod extends KubeObject {
  spec: { serviceAccountName?: string; imagePullSecrets?: { name: string }[] };
}

/** The ServiceAccount admission plug-in: copies pull secrets only at creation, and only into a pod without any. */
function admitPod(store: ObjectStore, object: KubeObject): void {
  const { spec, metadata } = object as Pod;
  if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
  const { namespace = '' } = metadata;
  const name = (spec.serviceAccountName ??= 'default');
  const account = store.get<KubeObject & Pod['spec']>('ServiceAccount', name, namespace);
  if (account === undefined) {
    const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
    throw new StatusError(403, 'Forbidden', `pods "${metadata.name}" is forbidden: ${why}`);
  }
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets)
    spec.imagePullSecrets = [...account.imagePullSecrets];
}
