import type { Ask, Case } from '../case.ts';
import { kube } from '../request.ts';
import { lacking, listWith, something } from './support.ts';
import { apply, ask, configMap, namespace, refusal } from './kubernetes-support.ts';

const data = (values: object): object => configMap('one', { data: values });

const ofOther = 'fieldManager=other&force=true';

/** A ConfigMap of another client that does not use server-side apply. */
const ofClient = ask('POST', 'configmaps?fieldManager=client', data({ k: '1' }));

const deployment = (...initContainers: readonly object[]): Ask => {
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: {
      ...(initContainers.length > 0 && { initContainers }),
      containers: [{ name: 'main', image: 'nginx' }],
    },
  };
  const body = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, template },
  };
  return ({ name }) =>
    kube('PATCH', `/apis/apps/v1/namespaces/${name}/deployments/web?fieldManager=contract&force=true`, body, {
      type: 'apply',
    });
};

const [setup, other] = [
  { name: 'setup', image: 'nginx' },
  { name: 'other', image: 'nginx' },
];

const entry = (manager: string, operation: string, fieldsV1: object, apiVersion = 'v1'): object => ({
  manager,
  operation,
  apiVersion,
  fieldsType: 'FieldsV1',
  fieldsV1,
});

const keys = (...names: string[]): object => ({
  'f:data': Object.fromEntries(names.map((name) => [`f:${name}`, {}])),
});

/**
 * The fields that each client owns. Sources: the Kubernetes documentation, "Server-Side Apply", and
 * sigs.k8s.io/structured-merge-diff.
 */
export const kubernetesApplyCases: readonly Case[] = [
  {
    name: 'an apply removes a key that its manager no longer applies',
    given: [namespace, apply('configmaps/one', data({ k: '1', l: '2' }))],
    ask: apply('configmaps/one', data({ l: '2' })),
    answer: { status: 200, body: { data: lacking({ k: something }) } },
  },
  {
    name: 'an apply removes a container that its manager no longer applies',
    given: [namespace, deployment(setup, other)],
    ask: deployment(other),
    answer: { status: 200, body: { spec: { template: { spec: { initContainers: [{ name: 'other' }] } } } } },
  },
  {
    name: 'an apply removes a list that its manager no longer applies',
    given: [namespace, deployment(setup)],
    ask: deployment(),
    answer: { status: 200, body: { spec: { template: { spec: lacking({ initContainers: listWith() }) } } } },
  },
  {
    name: 'an apply keeps a key that another manager applies too',
    given: [
      namespace,
      apply('configmaps/one', data({ k: '1' })),
      apply('configmaps/one', data({ k: '1' }), ofOther),
    ],
    ask: apply('configmaps/one', configMap('one')),
    answer: { status: 200, body: { data: { k: '1' } } },
  },
  {
    name: 'an apply keeps a key that another client created',
    given: [namespace, ofClient, apply('configmaps/one', data({ k: '1' }))],
    ask: apply('configmaps/one', configMap('one')),
    answer: { status: 200, body: { data: { k: '1' } } },
  },
  {
    name: 'an apply keeps a key that another client has changed since',
    given: [
      namespace,
      apply('configmaps/one', data({ k: '1' })),
      ask('PATCH', 'configmaps/one?fieldManager=client', { data: { k: '2' } }, { type: 'merge' }),
    ],
    ask: apply('configmaps/one', configMap('one')),
    answer: { status: 200, body: { data: { k: '2' } } },
  },
  {
    name: 'an apply records the applied fields',
    given: [namespace],
    ask: apply('configmaps/one', data({ k: '1' })),
    answer: { status: 201, body: { metadata: { managedFields: [entry('contract', 'Apply', keys('k'))] } } },
  },
  {
    name: 'an apply records the items of keyed lists, and atomic fields as a whole',
    given: [namespace],
    ask: deployment(),
    answer: {
      status: 201,
      body: {
        metadata: {
          managedFields: [
            entry(
              'contract',
              'Apply',
              {
                'f:spec': {
                  'f:selector': {},
                  'f:template': {
                    'f:metadata': { 'f:labels': { 'f:app': {} } },
                    'f:spec': {
                      'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
                    },
                  },
                },
              },
              'apps/v1',
            ),
          ],
        },
      },
    },
  },
  {
    name: 'a creation records the fields of its client',
    given: [namespace],
    ask: ofClient,
    answer: {
      status: 201,
      body: {
        metadata: { managedFields: [entry('client', 'Update', { 'f:data': { '.': {}, 'f:k': {} } })] },
      },
    },
  },
  {
    name: 'an apply with force takes a field from its owner',
    given: [namespace, apply('configmaps/one', data({ k: '1' }), ofOther)],
    ask: apply('configmaps/one', data({ k: '2' })),
    answer: { status: 200, body: { metadata: { managedFields: [entry('contract', 'Apply', keys('k'))] } } },
  },
  {
    name: 'an apply of a field that another manager applied differently is refused',
    given: [namespace, apply('configmaps/one', data({ k: '1' }), ofOther)],
    ask: apply('configmaps/one', data({ k: '2' }), 'fieldManager=contract'),
    answer: refusal(409, 'Conflict', /^Apply failed with 1 conflict: conflict with "other": \.data\.k$/, {
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "other"', field: '.data.k' }],
    }),
  },
  {
    name: 'an apply of two such fields is refused, and the answer names both',
    given: [namespace, apply('configmaps/one', data({ k: '1', l: '1' }), ofOther)],
    ask: apply('configmaps/one', data({ k: '2', l: '2' }), 'fieldManager=contract'),
    answer: refusal(
      409,
      'Conflict',
      /^Apply failed with 2 conflicts: conflicts with "other":\n- \.data\.k\n- \.data\.l$/,
    ),
  },
  {
    name: 'an apply removes a key that a patch of the record gave to its manager',
    given: [
      namespace,
      ofClient,
      ask(
        'PATCH',
        'configmaps/one?fieldManager=contract',
        [{ op: 'replace', path: '/metadata/managedFields', value: [entry('contract', 'Apply', keys('k'))] }],
        { type: 'json-patch' },
      ),
    ],
    ask: apply('configmaps/one', data({ l: '2' })),
    answer: { status: 200, body: { data: lacking({ k: something }) } },
  },
];
