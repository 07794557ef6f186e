import { StatusError } from './errors.ts';
import type { KubeObject } from './objects.ts';
import { type LabelSelector, matches } from './selectors.ts';
import type { ObjectStore } from './store.ts';

interface MutatingAdmissionPolicy extends KubeObject {
  spec: {
    matchConstraints?: {
      namespaceSelector?: LabelSelector;
      objectSelector?: LabelSelector;
      resourceRules?: { operations?: string[]; resources?: string[] }[];
    };
    matchConditions?: { expression: string }[];
    mutations?: { jsonPatch?: { expression: string } }[];
  };
}

interface Binding extends KubeObject {
  spec: { policyName: string };
}

/**
 * The effect of a bound MutatingAdmissionPolicy that appends a pull secret to service accounts. The sandbox does not run
 * CEL. It reads the name from the JSONPatch expression. Of matchConditions it supports only `!(NAME).matches(REGEXP)`;
 * all others count as true. It reproduces one known bug: a typed `Object.imagePullSecrets{}` value makes a real API
 * server panic on every request that the policy matches. Only the real API server in the lab tests whether an
 * expression compiles.
 * @param account changed in place
 */
export function mutateServiceAccount(store: ObjectStore, verb: string, account: KubeObject): void {
  const bound = new Set(
    store.list<Binding>('MutatingAdmissionPolicyBinding').map(({ spec }) => spec.policyName),
  );
  for (const policy of store.list<MutatingAdmissionPolicy>('MutatingAdmissionPolicy')) {
    if (!bound.has(policy.metadata.name) || !selects(store, policy, verb, account)) continue;
    for (const { jsonPatch } of policy.spec.mutations ?? []) append(account, jsonPatch?.expression ?? '');
  }
}

function selects(
  store: ObjectStore,
  { spec }: MutatingAdmissionPolicy,
  verb: string,
  account: KubeObject,
): boolean {
  const { namespaceSelector = {}, objectSelector = {}, resourceRules = [] } = spec.matchConstraints ?? {};
  const namespace = store.get('Namespace', account.metadata.namespace ?? '');
  const includes = (values: string[] = [], value: string) => values.includes('*') || values.includes(value);
  return (
    matches(namespaceSelector, namespace?.metadata.labels) &&
    matches(objectSelector, account.metadata.labels) &&
    (spec.matchConditions ?? []).every(({ expression }) => holds(expression, account)) &&
    resourceRules.some(
      (rule) => includes(rule.operations, verb) && includes(rule.resources, 'serviceaccounts'),
    )
  );
}

/** Evaluates the conditions that `excluding` of the product's policy writes, which match names by RE2 expressions. */
function holds(expression: string, { metadata }: KubeObject): boolean {
  const [, subject, pattern] = /^!\((.*)\)\.matches\((".*")\)$/.exec(expression) ?? [];
  if (subject === undefined || pattern === undefined) return true;
  const name = subject.includes('object.metadata.name') ? `/${metadata.name}` : '';
  return !new RegExp(JSON.parse(pattern) as string).test(`${metadata.namespace ?? ''}${name}`);
}

function append(account: KubeObject & { imagePullSecrets?: { name: string }[] }, expression: string): void {
  if (/Object(\.\w+)*\.imagePullSecrets\s*\{/.test(expression)) {
    throw new StatusError(500, '', 'This request caused apiserver to panic. Look in the logs for details.');
  }
  const name = /["']name["']\s*:\s*(?:string\()?["']([^"']+)["']/.exec(expression)?.[1];
  const present = account.imagePullSecrets ?? [];
  if (name === undefined || present.some((secret) => secret.name === name)) return;
  account.imagePullSecrets = [...present, { name }];
}
