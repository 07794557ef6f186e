import { badRequest } from './errors.ts';
import { fieldAt, type KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: Requirement[];
}

interface Requirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}

/** Whether labels satisfy a selector; an empty selector matches everything. */
export function matches(selector: LabelSelector, labels: Record<string, string> = {}): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (!wanted.every(([key, value]) => labels[key] === value)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const included = value !== undefined && values.includes(value);
    return operator === 'In' ? included : !included;
  });
}

/** Reads the `labelSelector` of a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function parseLabelSelector(text: string): LabelSelector {
  const terms = text.split(/,(?![^(]*\))/).map((term) => term.trim());
  return { matchExpressions: terms.filter((term) => term !== '').map(parseRequirement) };
}

function parseRequirement(term: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', word, values = ''] = set;
    const operator = word === 'in' ? 'In' : 'NotIn';
    return { key, operator, values: values.split(',').map((value) => value.trim()) };
  }
  const comparison = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (comparison) {
    const [, key = '', sign, value = ''] = comparison;
    return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] };
  }
  const presence = /^(!?)([^\s!=(),]+)$/.exec(term);
  if (!presence) throw badRequest(`unable to parse requirement: found '${term}'`);
  const [, negation, key = ''] = presence;
  return { key, operator: negation === '!' ? 'DoesNotExist' : 'Exists' };
}

/** The fields for selectors of each kind, in addition to name and namespace. */
const selectable: Record<string, RegExp> = {
  Secret: /^type$/,
  Pod: /^(spec\.(nodeName|serviceAccountName)|status\.phase)$/,
  Event: /^(involvedObject\.(kind|name|namespace|uid|apiVersion)|reason|type)$/,
};

/** Returns the predicate for the `fieldSelector` of a query: `metadata.name=a,type!=b`. */
export function parseFieldSelector(text: string, resource: Resource): (object: KubeObject) => boolean {
  const terms = text.split(',').filter((term) => term !== '');
  const tests = terms.map((term) => {
    const [, field = '', sign, value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? [];
    const supported = field === 'metadata.name' || (field === 'metadata.namespace' && resource.namespaced);
    if (!supported && !selectable[resource.kind]?.test(field)) throw unselectable(field, resource);
    return (object: KubeObject) => ((fieldAt(object, field.split('.')) ?? '') === value) === (sign !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

/** The API server has different messages for kinds with and without selectable fields of their own. */
function unselectable(field: string, { kind, namespaced }: Resource) {
  if (selectable[kind] !== undefined) return badRequest(`field label not supported: ${field}`);
  const known = namespaced ? '"metadata.name", "metadata.namespace"' : '"metadata.name"';
  return badRequest(`"${field}" is not a known field selector: only ${known}`);
}
