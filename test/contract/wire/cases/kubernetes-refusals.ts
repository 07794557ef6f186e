import type { Case } from '../case.ts';
import { kube } from '../request.ts';
import { account, apply, ask, configMap, namespace, refusal, secret } from './kubernetes-support.ts';

const created = ask('POST', 'secrets', secret({ data: { k: 'MQ==' } }));

const sealed = ask('POST', 'secrets', secret({ data: { k: 'MQ==' }, immutable: true }));

/**
 * A quota whose status says that it is used up by the only Secret. The case has to write the status, because there
 * is no controller.
 */
const exhausted = [
  ask('POST', 'resourcequotas', {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'few' },
    spec: { hard: { 'count/secrets': '1' } },
  }),
  ask(
    'PATCH',
    'resourcequotas/few/status',
    { status: { hard: { 'count/secrets': '1' }, used: { 'count/secrets': '1' } } },
    { type: 'merge' },
  ),
  // Admission watches quotas, so it sees a new one after a moment.
  ...Array.from({ length: 5 }, () => ask('GET', 'resourcequotas/few')),
];

/** The object in the namespace has a finalizer, so the namespace keeps terminating. */
const terminating = [
  namespace,
  ask(
    'POST',
    'configmaps',
    configMap('kept', { metadata: { name: 'kept', finalizers: ['contract.example/hold'] } }),
  ),
  ({ name }: { readonly name: string }) => kube('DELETE', `/api/v1/namespaces/${name}`),
];

const isTerminating =
  /^secrets "one" is forbidden: unable to create new content in namespace \S+ because it is being terminated$/;

/** Reasons why one namespace rejects a Secret while all others accept it. */
export const kubernetesRefusalCases: readonly Case[] = [
  {
    name: 'a Secret above the quota of its namespace is refused',
    given: [namespace, created, ...exhausted],
    ask: ask('POST', 'secrets', secret({ metadata: { name: 'two' } })),
    answer: refusal(
      403,
      'Forbidden',
      /^secrets "two" is forbidden: exceeded quota: few, requested: count\/secrets=1, used: count\/secrets=1, limited: count\/secrets=1$/,
      { name: 'two', kind: 'secrets' },
    ),
  },
  {
    name: 'a dry run counts against the quota too',
    given: [namespace, created, ...exhausted],
    ask: ask('POST', 'secrets?dryRun=All', secret({ metadata: { name: 'two' } })),
    answer: { status: 403, code: 'Forbidden' },
  },
  {
    name: 'an existing Secret can be changed when the quota is exhausted',
    given: [namespace, created, ...exhausted],
    ask: apply('secrets/one', secret({ data: { k: 'Mg==' } })),
    answer: { status: 200, body: { data: { k: 'Mg==' } } },
  },
  {
    name: 'an immutable Secret keeps its data',
    given: [namespace, sealed],
    ask: ask('PATCH', 'secrets/one', { data: { k: 'Mg==' } }, { type: 'merge' }),
    answer: refusal(
      422,
      'Invalid',
      /^Secret "one" is invalid: data: Forbidden: field is immutable when `immutable` is set$/,
      { causes: [{ reason: 'FieldValueForbidden', field: 'data' }] },
    ),
  },
  {
    name: 'an immutable Secret stays immutable',
    given: [namespace, sealed],
    ask: ask('PATCH', 'secrets/one', { immutable: false }, { type: 'merge' }),
    answer: refusal(
      422,
      'Invalid',
      /^Secret "one" is invalid: immutable: Forbidden: field is immutable when `immutable` is set$/,
    ),
  },
  {
    name: "an immutable Secret's labels can be changed",
    given: [namespace, sealed],
    ask: ask('PATCH', 'secrets/one', { metadata: { labels: { k: 'v' } } }, { type: 'merge' }),
    answer: { status: 200, body: { metadata: { labels: { k: 'v' } } } },
  },
  {
    name: 'an immutable Secret can be deleted',
    given: [namespace, sealed],
    ask: ask('DELETE', 'secrets/one'),
    answer: { status: 200 },
  },
  {
    name: 'a namespace whose content has finalizers is being terminated after its deletion',
    given: terminating,
    ask: ({ name }) => kube('GET', `/api/v1/namespaces/${name}`),
    answer: { status: 200, body: { status: { phase: 'Terminating' } } },
  },
  {
    name: 'a namespace that is being terminated accepts no new objects',
    given: terminating,
    ask: created,
    answer: refusal(403, 'Forbidden', isTerminating, {
      name: 'one',
      kind: 'secrets',
      causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }],
    }),
  },
  {
    name: 'objects in a namespace that is being terminated can be changed',
    given: [
      namespace,
      ask(
        'POST',
        'serviceaccounts',
        account('kept', { metadata: { name: 'kept', finalizers: ['contract.example/hold'] } }),
      ),
      ({ name }) => kube('DELETE', `/api/v1/namespaces/${name}`),
    ],
    ask: ask(
      'PATCH',
      'serviceaccounts/kept',
      [{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'puller' }] }],
      { type: 'json-patch' },
    ),
    answer: { status: 200, body: { imagePullSecrets: [{ name: 'puller' }] } },
  },
];
