import { describe, expect, it } from 'vitest';
import { compare } from '../../../src/cluster/compare.ts';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { Secret } from '../../../src/core/secret.ts';

const object = (fields: object, kind = 'Deployment'): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'web', namespace: 'shop' },
  ...fields,
});

const paths = (wanted: object, actual: object): string[] =>
  compare(object(wanted), object(actual)).map(({ path }) => path);

const pod = (spec: object): object => ({ spec: { template: { spec } } });

describe('a difference', () => {
  it('is a desired field with another value', () => {
    expect(compare(object({ spec: { replicas: 2 } }), object({ spec: { replicas: 3 } }))).toEqual([
      { path: 'spec.replicas', from: 3, to: 2 },
    ]);
  });

  it('is not the name or the namespace of the object', () => {
    const wanted = object({ metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } } });
    const actual = object({ metadata: { name: 'other', labels: { app: 'web' } } });
    expect(compare(wanted, actual)).toEqual([]);
  });

  it('is not a field that exists only on the server', () => {
    expect(paths({ spec: { replicas: 2 } }, { spec: { replicas: 2, paused: true }, status: {} })).toEqual([]);
  });

  it('is not a zero value that the server omits', () => {
    expect(paths({ spec: { hostNetwork: false, args: [], note: '', strategy: {} } }, { spec: {} })).toEqual(
      [],
    );
  });

  it('is not a null, which sets nothing', () => {
    const actual = { metadata: { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' } };
    expect(paths({ metadata: { name: 'web', creationTimestamp: null } }, actual)).toEqual([]);
  });

  it('is not another notation of a quantity or duration', () => {
    const wanted = { limits: { cpu: '1', memory: '1Gi' } };
    const actual = { limits: { cpu: '1000m', memory: '1073741824' } };
    expect(paths(pod({ resources: wanted }), pod({ resources: actual }))).toEqual([]);
    expect(paths({ spec: { refreshInterval: '60m' } }, { spec: { refreshInterval: '1h0m0s' } })).toEqual([]);
  });

  it('is a different text that looks like a quantity in a field of another type', () => {
    expect(paths({ data: { cpu: '1' } }, { data: { cpu: '1000m' } })).toEqual(['data.cpu']);
  });
});

describe('lists', () => {
  it('are compared by key when other managers may add entries', () => {
    const wanted = pod({ containers: [{ name: 'web', image: 'a', env: [{ name: 'A', value: '1' }] }] });
    const actual = pod({
      containers: [
        { name: 'sidecar', image: 'x' },
        { name: 'web', image: 'b', env: [{ name: 'B' }, { name: 'A', value: '1' }] },
      ],
    });
    expect(paths(wanted, actual)).toEqual(['spec.template.spec.containers[name=web].image']);
  });

  it('of match conditions may have entries of other managers, which an apply does not remove', () => {
    const policy = (...matchConditions: object[]) => ({ spec: { matchConditions } });
    const wanted = policy({ name: 'covered', expression: 'true' });
    const added = { name: 'other', expression: 'true' };
    expect(paths(wanted, policy({ name: 'covered', expression: 'true' }, added))).toEqual([]);
    expect(paths(wanted, policy(added, { name: 'covered', expression: 'false' }))).toEqual([
      'spec.matchConditions[name=covered].expression',
    ]);
    expect(paths(wanted, policy(added))).toEqual(['spec.matchConditions[name=covered]']);
  });

  it('show a missing entry', () => {
    const wanted = pod({ tolerations: [{ key: 'x', operator: 'Exists', effect: 'NoSchedule' }] });
    expect(compare(object(wanted), object(pod({ tolerations: [{ key: 'y' }] })))).toEqual([
      {
        path: 'spec.template.spec.tolerations[key=x,operator=Exists,effect=NoSchedule]',
        to: { key: 'x', operator: 'Exists', effect: 'NoSchedule' },
      },
    ]);
  });

  it('of ports are compared by number and protocol, which is TCP by default', () => {
    const wanted = { spec: { ports: [{ port: 443, targetPort: 10250 }] } };
    const actual = { spec: { ports: [{ port: 443, protocol: 'TCP', targetPort: 8443, nodePort: 1 }] } };
    expect(paths(wanted, actual)).toEqual(['spec.ports[port=443].targetPort']);
  });

  it('without keys are compared as a whole', () => {
    expect(paths({ rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['get'] }, {}] })).toEqual(['rules']);
    expect(paths({ rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['list'] }] })).toEqual([
      'rules[0].verbs[0]',
    ]);
  });
});

it('writes a key with dots or slashes in brackets', () => {
  const wanted = object({ metadata: { name: 'web', labels: { 'a.b/c': 'd' } } });
  expect(compare(wanted, object({})).map(({ path }) => path)).toEqual(['metadata.labels']);
  const actual = object({ metadata: { name: 'web', labels: { 'a.b/c': 'x' } } });
  expect(compare(wanted, actual)).toEqual([{ path: 'metadata.labels["a.b/c"]', from: 'x', to: 'd' }]);
});

it('hides the values of a Secret', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const wanted = object({ data: { same: encode('value'), other: encode('new-value') } }, 'Secret');
  const actual = object({ data: { same: encode('value'), other: encode('old-value') } }, 'Secret');
  const [field, ...rest] = compare(wanted, actual);
  expect(rest).toEqual([]);
  expect(field?.path).toBe('data.other');
  expect([field?.from, field?.to].every((value) => value instanceof Secret)).toBe(true);
  expect(JSON.stringify(field)).not.toContain(encode('new-value'));
});
