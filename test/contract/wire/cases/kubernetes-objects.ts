import type { Case } from '../case.ts';
import { kube } from '../request.ts';
import { matching, something } from './support.ts';
import { ask, configMap, created, namespace, refusal } from './kubernetes-support.ts';

/** Creating, replacing and deleting objects. */
export const kubernetesObjectCases: readonly Case[] = [
  {
    name: 'an object that does not exist is not found',
    given: [namespace],
    ask: ask('GET', 'configmaps/absent'),
    answer: refusal(404, 'NotFound', /^configmaps "absent" not found$/, {
      name: 'absent',
      kind: 'configmaps',
    }),
  },
  {
    name: 'an object is created',
    given: [namespace],
    ask: created,
    answer: ({ name }) => ({
      status: 201,
      headers: { 'content-type': 'application/json' },
      body: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: {
          name: 'one',
          namespace: name,
          uid: something,
          resourceVersion: matching(/^\d+$/),
          creationTimestamp: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        },
        data: { k: '1' },
      },
    }),
  },
  {
    name: 'an object in a namespace that does not exist is refused',
    ask: created,
    answer: refusal(404, 'NotFound', /^namespaces ".*" not found$/),
  },
  {
    name: 'a name that exists is refused',
    given: [namespace, created],
    ask: created,
    answer: refusal(409, 'AlreadyExists', /^configmaps "one" already exists$/),
  },
  {
    name: 'an object without a name is refused',
    given: [namespace],
    ask: ask('POST', 'configmaps', configMap('')),
    answer: refusal(422, 'Invalid', /name or generateName is required/),
  },
  ...['one_two', 'One', '-one', 'one.', 'one.-two', 'a'.repeat(254)].map((name): Case => ({
    name: `${name.slice(0, 10)} is refused as the name of a ConfigMap`,
    given: [namespace],
    ask: ask('POST', 'configmaps', configMap(name)),
    answer: refusal(422, 'Invalid', /metadata\.name: Invalid value/),
  })),
  ...['a:b', 'a/b', '..a', ''].map((key): Case => ({
    name: `${key === '' ? 'an empty text' : key} is refused as a key of a ConfigMap`,
    given: [namespace],
    ask: ask('POST', 'configmaps', { ...configMap('one'), data: { [key]: 'x' } }),
    answer: refusal(422, 'Invalid', /data\[.*\]: Invalid value/),
  })),
  {
    name: 'an object of another namespace is refused',
    given: [namespace],
    ask: ask('POST', 'configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'b' },
    }),
    answer: refusal(400, 'BadRequest', /namespace of the provided object does not match/),
  },
  {
    name: 'an update replaces',
    given: [namespace, created],
    ask: ask('PUT', 'configmaps/one', configMap('one', { data: { l: '2' } })),
    answer: { status: 200, body: { data: { l: '2' } } },
  },
  {
    name: 'an update of an old version is refused',
    given: [namespace, created],
    ask: ask('PUT', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', resourceVersion: '1' },
    }),
    answer: refusal(
      409,
      'Conflict',
      /^Operation cannot be fulfilled on configmaps "one": the object has been modified/,
    ),
  },
  {
    name: 'an object is deleted',
    given: [namespace, created],
    ask: ask('DELETE', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
    }),
    answer: {
      status: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 'one', kind: 'configmaps' } },
    },
  },
  {
    name: 'a deletion of another object of that name is refused',
    given: [namespace, created],
    ask: ask('DELETE', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: '00000000-0000-0000-0000-000000000000' },
    }),
    answer: { status: 409, code: 'Conflict' },
  },
  {
    name: 'a Lease keeps its holder and its time to the microsecond',
    given: [namespace],
    ask: ({ name }) =>
      kube('POST', `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'one' },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 30, renewTime: '2026-01-01T00:00:00.000000Z' },
      }),
    answer: {
      status: 201,
      body: {
        spec: { holderIdentity: 'me', leaseDurationSeconds: 30, renewTime: '2026-01-01T00:00:00.000000Z' },
      },
    },
  },
];
