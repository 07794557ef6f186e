import type { Case } from '../case.ts';
import { kube } from '../request.ts';
import { something } from './support.ts';
import { ask, configMap, created, last, namespace, refusal, secret, within } from './kubernetes-support.ts';

/**
 * Two objects that exist in addition to the controllers' objects in every namespace, and a query that finds only
 * these two.
 */
const pair = ['one', 'two'].map((name) =>
  ask('POST', 'configmaps', configMap(name, { metadata: { name, labels: { of: 'pair' } } })),
);

const ofPair = 'configmaps?labelSelector=of%3Dpair';

const partial = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };

/** Pages, selectors and metadata-only lists. */
export const kubernetesListCases: readonly Case[] = [
  {
    name: 'a list is returned in pages',
    given: [namespace, ...pair],
    ask: ask('GET', `${ofPair}&limit=1`),
    answer: {
      status: 200,
      body: {
        kind: 'ConfigMapList',
        metadata: { continue: something, resourceVersion: something },
        items: [{ metadata: { name: 'one' } }],
      },
    },
  },
  {
    name: 'the next page begins where the last one ended',
    given: [namespace, ...pair, ask('GET', `${ofPair}&limit=1`)],
    ask: (situation) =>
      kube('GET', within(situation, `${ofPair}&limit=1&continue=${last(situation).continue ?? ''}`)),
    answer: { status: 200, body: { items: [{ metadata: { name: 'two' } }] } },
  },
  {
    name: 'a long answer is compressed for a client that accepts gzip',
    given: [namespace, ask('POST', 'configmaps', configMap('long', { data: { k: '0'.repeat(128 * 1024) } }))],
    ask: (situation) => ({
      ...kube('GET', within(situation, 'configmaps/long')),
      headers: { 'accept-encoding': 'gzip' },
    }),
    answer: { status: 200, headers: { 'content-encoding': 'gzip' } },
  },
  {
    name: 'a short answer is not compressed',
    given: [namespace, created],
    ask: (situation) => ({
      ...kube('GET', within(situation, 'configmaps/one')),
      headers: { 'accept-encoding': 'gzip' },
    }),
    answer: { status: 200, headers: { 'content-encoding': undefined }, body: { kind: 'ConfigMap' } },
  },
  {
    name: 'a list is selected by label',
    given: [
      namespace,
      created,
      ask('POST', 'configmaps', configMap('two', { metadata: { name: 'two', labels: { letter: 'b' } } })),
    ],
    ask: ask('GET', `configmaps?labelSelector=${encodeURIComponent('letter in (b, c)')}`),
    answer: { status: 200, body: { items: [{ metadata: { name: 'two' } }] } },
  },
  {
    name: 'Secrets of all namespaces are selected by name',
    given: [
      namespace,
      ({ name }) => kube('POST', within({ name }, 'secrets'), secret({ metadata: { name } })),
    ],
    ask: ({ name }) => kube('GET', `/api/v1/secrets?fieldSelector=metadata.name%3D${name}`),
    answer: ({ name }) => ({ status: 200, body: { items: [{ metadata: { name, namespace: name } }] } }),
  },
  {
    name: 'Secrets are selected by type',
    given: [namespace, ask('POST', 'secrets', secret({ type: 'contract/one' }))],
    ask: ask('GET', 'secrets?fieldSelector=type%3Dcontract%2Fone'),
    answer: { status: 200, body: { items: [{ metadata: { name: 'one' }, type: 'contract/one' }] } },
  },
  {
    name: 'a field of a kind that can only be selected by name is refused',
    given: [namespace],
    ask: ask('GET', 'configmaps?fieldSelector=data.k%3D1'),
    answer: refusal(
      400,
      'BadRequest',
      /^"data\.k" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
    ),
  },
  {
    name: 'a field that Secrets cannot be selected by is refused',
    given: [namespace],
    ask: ask('GET', 'secrets?fieldSelector=data.k%3D1'),
    answer: refusal(400, 'BadRequest', /^field label not supported: data\.k$/),
  },
  {
    name: 'a list of metadata only is returned',
    given: [namespace, ...pair],
    ask: ask('GET', ofPair, undefined, { headers: partial }),
    answer: {
      status: 200,
      body: {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        items: [
          { kind: 'PartialObjectMetadata', metadata: { name: 'one' } },
          { kind: 'PartialObjectMetadata', metadata: { name: 'two' } },
        ],
      },
    },
  },
];
