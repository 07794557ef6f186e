import { Environment } from '@marcbachmann/cel-js';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import { type LabelSelector, matches } from './selectors.ts';
import type { ObjectStore } from './store.ts';

interface Policy extends KubeObject {
  spec: {
    paramKind?: { kind: string };
    matchConstraints?: {
      resourceRules?: { apiGroups?: string[]; operations?: string[]; resources?: string[] }[];
    };
    matchConditions?: { expression: string }[];
    variables?: { name: string; expression: string }[];
    validations?: { expression: string; message?: string; messageExpression?: string }[];
  };
}

interface Binding extends KubeObject {
  spec: {
    policyName: string;
    validationActions?: string[];
    paramRef?: { namespace?: string; selector?: LabelSelector };
  };
}

/** The request that a policy examines. */
export interface PolicyRequest {
  readonly verb: 'CREATE' | 'UPDATE';
  readonly resource: Resource;
  readonly subresource: string | undefined;
  readonly object: KubeObject;
}

type Values = Readonly<Record<string, unknown>>;

/** The API server drops further warnings of one response (k8s.io/apiserver, WithWarningRecorder). */
const maxCharacters = 4096;

/**
 * The warnings of ValidatingAdmissionPolicies with the action Warn and `failurePolicy: Ignore`, which decide on the objects
 * that a selector finds as parameters. An expression that fails gives no warning. Other policies are not evaluated.
 */
export function policyWarnings(
  store: ObjectStore,
  parameters: PolicyParameters,
  request: PolicyRequest,
): readonly string[] {
  const policies = new Map(
    store.list<Policy>('ValidatingAdmissionPolicy').map((policy) => [policy.metadata.name, policy]),
  );
  const texts = store.list<Binding>('ValidatingAdmissionPolicyBinding').flatMap((binding) => {
    const policy = policies.get(binding.spec.policyName);
    if (!policy || !binding.spec.validationActions?.includes('Warn') || !covers(policy, request)) return [];
    const prefix = `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': `;
    return parametersOf(parameters, policy, binding).flatMap((params) =>
      messagesOf(policy, request, params).map((message) => `${prefix}${message}`),
    );
  });
  let length = 0;
  return [...new Set(texts)].filter((text) => (length += text.length) <= maxCharacters);
}

/**
 * Where policies find their parameters. When the last policy that uses a native kind is deleted, the API server stops reading
 * that kind, and never starts again: a shared informer runs only once (k8s.io/apiserver, ensureParamsForPolicyLocked).
 */
export class PolicyParameters {
  readonly #store: ObjectStore;
  #last: readonly KubeObject[] | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Called after an object of this kind was deleted. */
  deleted(kind: string): void {
    const isLast = this.#store.list('ValidatingAdmissionPolicyBinding').length === 0;
    if (kind === 'ValidatingAdmissionPolicyBinding' && isLast) this.#last ??= this.#store.list('ConfigMap');
  }

  list(kind: string, namespace: string | undefined): readonly KubeObject[] {
    if (kind !== 'ConfigMap' || !this.#last) return this.#store.list(kind, namespace);
    return this.#last.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  }
}

const includes = (values: readonly string[] = [], value: string): boolean =>
  values.includes('*') || values.includes(value);

function covers({ spec }: Policy, { verb, resource, subresource }: PolicyRequest): boolean {
  const name = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  return (spec.matchConstraints?.resourceRules ?? []).some(
    (rule) =>
      includes(rule.apiGroups, resource.group) &&
      includes(rule.operations, verb) &&
      includes(rule.resources, name),
  );
}

function parametersOf(
  parameters: PolicyParameters,
  { spec }: Policy,
  binding: Binding,
): readonly KubeObject[] {
  const { namespace, selector = {} } = binding.spec.paramRef ?? {};
  return parameters
    .list(spec.paramKind?.kind ?? '', namespace)
    .filter(({ metadata }) => matches(selector, metadata.labels));
}

function messagesOf(
  { spec }: Policy,
  { resource, subresource = '', verb, object }: PolicyRequest,
  params: KubeObject,
): readonly string[] {
  const request = {
    resource: { group: resource.group, resource: resource.plural },
    subResource: subresource,
    operation: verb,
  };
  const inputs = { object, request, params };
  if (!(spec.matchConditions ?? []).every(({ expression }) => valueOf(expression, inputs) === true)) {
    return [];
  }
  const variables: Record<string, unknown> = {};
  for (const { name, expression } of spec.variables ?? []) {
    variables[name] = valueOf(expression, { ...inputs, variables });
  }
  const values = { ...inputs, variables };
  return (spec.validations ?? []).flatMap(({ expression, message, messageExpression }) => {
    if (valueOf(expression, values) !== false) return [];
    const text = messageExpression === undefined ? undefined : valueOf(messageExpression, values);
    return typeof text === 'string' && text.trim() !== ''
      ? [text]
      : [message ?? `failed expression: ${expression}`];
  });
}

/** Undefined if the expression fails. */
function valueOf(expression: string, values: Values): unknown {
  try {
    return evaluate(expression, values);
  } catch {
    return undefined;
  }
}

/** CEL with the functions of the API server's string library that the package lacks. */
const environment = new Environment({ unlistedVariablesAreDyn: true }).registerFunction(
  'string.charAt(int): string',
  (text: string, index: bigint) => text.charAt(Number(index)),
);

const programs = new Map<string, (values: Values) => unknown>();

/** The value of an expression. @throws Error if it does not compile, or fails */
function evaluate(expression: string, values: Values): unknown {
  const program = programs.get(expression) ?? environment.parse(expression);
  programs.set(expression, program);
  return program({ ...values });
}
