import type { Case } from '../case.ts';
import { kube } from '../request.ts';
import {
  account,
  apply,
  ask,
  configMap,
  created,
  last,
  namespace,
  refusal,
  secret,
  within,
} from './kubernetes-support.ts';

/** A Secret as the operator creates it. */
const ofOperator = ask(
  'POST',
  'secrets?fieldManager=externalsecrets.external-secrets.io%2Fone',
  secret({
    metadata: { name: 'one', labels: { 'reconcile.external-secrets.io/managed': 'true' } },
    data: { k: 'MQ==' },
  }),
);

/** Server-side apply, JSON patches and merge patches. */
export const kubernetesPatchCases: readonly Case[] = [
  {
    name: 'an apply creates',
    given: [namespace],
    ask: apply('configmaps/one', configMap('one', { data: { k: '1' } })),
    answer: { status: 201, body: { data: { k: '1' } } },
  },
  {
    name: 'an apply keeps the fields of other managers',
    given: [namespace, created],
    ask: apply('configmaps/one', configMap('one', { data: { l: '2' } })),
    answer: { status: 200, body: { data: { k: '1', l: '2' } } },
  },
  {
    name: 'an apply of fields that the operator owns is refused, and the answer names the owner',
    given: [namespace, ofOperator],
    ask: apply('secrets/one', secret({ data: { k: 'Mg==' } }), 'fieldManager=contract'),
    answer: refusal(
      409,
      'Conflict',
      /^Apply failed with 1 conflict: conflict with "externalsecrets\.external-secrets\.io\/one" using v1: \.data\.k$/,
      { causes: [{ reason: 'FieldManagerConflict', field: '.data.k' }] },
    ),
  },
  {
    name: 'an apply with force takes fields that the operator owns',
    given: [namespace, ofOperator],
    ask: apply('secrets/one', secret({ data: { k: 'Mg==' } })),
    answer: { status: 200, body: { data: { k: 'Mg==' } } },
  },
  {
    name: 'an apply of the values that the operator has is not a conflict',
    given: [namespace, ofOperator],
    ask: apply('secrets/one', secret({ data: { k: 'MQ==' } }), 'fieldManager=contract'),
    answer: { status: 200, body: { data: { k: 'MQ==' } } },
  },
  {
    name: 'an apply that changes nothing keeps the version',
    given: [namespace, apply('configmaps/one', configMap('one', { data: { k: '1' } }))],
    ask: apply('configmaps/one', configMap('one', { data: { k: '1' } })),
    answer: (situation) => ({
      status: 200,
      body: { metadata: { resourceVersion: last(situation).resourceVersion } },
    }),
  },
  {
    name: 'an apply without a field manager is refused',
    given: [namespace],
    ask: apply('configmaps/one', configMap('one'), 'force=true'),
    answer: refusal(422, 'Invalid', /fieldManager: Required value: is required for apply patch/),
  },
  {
    name: 'an apply of another name than the path has is refused',
    given: [namespace],
    ask: apply('configmaps/one', configMap('two')),
    answer: { status: 400, code: 'BadRequest' },
  },
  {
    name: 'a dry run answers like an apply, and stores nothing',
    given: [
      namespace,
      apply('configmaps/one', configMap('one'), 'fieldManager=contract&force=true&dryRun=All'),
    ],
    ask: ask('GET', 'configmaps/one'),
    answer: refusal(404, 'NotFound', /^configmaps "one" not found$/),
  },
  {
    name: "an apply replaces a service account's whole list of pull secrets",
    given: [namespace, ask('POST', 'serviceaccounts', account('one', { imagePullSecrets: [{ name: 'a' }] }))],
    ask: apply('serviceaccounts/one', account('one', { imagePullSecrets: [{ name: 'b' }] })),
    answer: { status: 200, body: { imagePullSecrets: [{ name: 'b' }] } },
  },
  {
    name: 'a JSON patch appends to a list',
    given: [namespace, ask('POST', 'serviceaccounts', account('one', { imagePullSecrets: [{ name: 'a' }] }))],
    ask: ask(
      'PATCH',
      'serviceaccounts/one',
      [{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'b' } }],
      {
        type: 'json-patch',
      },
    ),
    answer: { status: 200, body: { imagePullSecrets: [{ name: 'a' }, { name: 'b' }] } },
  },
  {
    name: 'a JSON patch tests the version',
    given: [namespace, created],
    ask: (situation) =>
      kube(
        'PATCH',
        within(situation, 'configmaps/one'),
        [
          { op: 'test', path: '/metadata/resourceVersion', value: last(situation).resourceVersion },
          { op: 'add', path: '/data/l', value: '2' },
        ],
        { type: 'json-patch' },
      ),
    answer: { status: 200, body: { data: { k: '1', l: '2' } } },
  },
  {
    name: 'a JSON patch whose test fails is refused',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }], {
      type: 'json-patch',
    }),
    answer: { status: 422, code: 'Invalid', body: { kind: 'Status' } },
  },
  {
    name: 'a JSON patch of a path that does not exist is refused',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', [{ op: 'remove', path: '/data/absent' }], { type: 'json-patch' }),
    answer: { status: 422, code: 'Invalid', body: { kind: 'Status' } },
  },
  {
    name: 'a merge patch changes one field and removes another',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', { data: { k: null, l: '2' } }, { type: 'merge' }),
    answer: { status: 200, body: { data: { l: '2' } } },
  },
  {
    name: 'a patch of an object that does not exist is refused',
    given: [namespace],
    ask: ask('PATCH', 'configmaps/absent', { data: {} }, { type: 'merge' }),
    answer: refusal(404, 'NotFound', /^configmaps "absent" not found$/),
  },
];
