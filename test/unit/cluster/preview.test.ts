import { describe, expect, it } from 'vitest';
import type { KubeObject, ObjectMeta } from '../../../src/clients/kubernetes/port.ts';
import { withManagedLabel } from '../../../src/cluster/objects.ts';
import { previewObject, previewOf } from '../../../src/cluster/preview.ts';
import { unifiedDiff } from '../../../src/output/unified-diff.ts';

const deployment = (containers: readonly object[], more: object = {}): KubeObject =>
  withManagedLabel({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 1, ...more, template: { spec: { containers } } },
  });

const web = (fields: object = {}) => ({ name: 'web', image: 'web:2', ...fields });

/** The removed and added lines of a diff. */
const changed = async (desired: KubeObject, observed: KubeObject): Promise<string[]> =>
  (await unifiedDiff(previewOf(desired, observed)))
    .filter((line) => /^[-+]/.test(line))
    .map((line) => line.replace(/ +/, ' '));

/** An object with the record of fields that a client set. */
function recorded(object: KubeObject, manager: string, operation: string, fieldsV1: object): KubeObject {
  const metadata = { ...object.metadata, managedFields: [{ manager, operation, fieldsV1 }] } as ObjectMeta;
  return { ...object, metadata };
}

describe('the preview of an object', () => {
  it('shows only fields that differ, with the fields around them', async () => {
    const observed = deployment([web({ image: 'web:1' })]);
    expect(await unifiedDiff(previewOf(deployment([web()]), observed))).toEqual([
      '@@ -11,4 +11,4 @@',
      '     spec:',
      '       containers:',
      '         - name: web',
      '-          image: web:1',
      '+          image: web:2',
    ]);
  });

  it('shows neither defaults nor status nor metadata of the server, and no other notation of a value', async () => {
    const limits = (memory: string) => web({ resources: { limits: { memory } } });
    const observed = deployment(
      [{ ...limits('1073741824'), imagePullPolicy: 'Always' }, { name: 'sidecar' }],
      {
        revisionHistoryLimit: 10,
      },
    );
    const metadata = { ...observed.metadata, uid: '1', resourceVersion: '7', generation: 3 };
    const server = { ...observed, metadata, status: { readyReplicas: 1 } };
    expect(await unifiedDiff(previewOf(deployment([limits('1Gi')]), server))).toEqual([]);
  });

  it('shows entries of lists by their keys, in the order of the desired list', async () => {
    const env = (...names: string[]) => web({ env: names.map((name) => ({ name, value: `of ${name}` })) });
    const observed = deployment([{ name: 'sidecar', image: 'x' }, env('B')]);
    expect(await changed(deployment([env('A', 'B')]), observed)).toEqual(['+ - name: A', '+ value: of A']);
  });

  it('shows what an earlier configuration set and the change removes', async () => {
    const observed = recorded(deployment([web()], { paused: true }), 'ecr-bootstrap', 'Apply', {
      'f:spec': { 'f:paused': {} },
    });
    expect(await changed(deployment([web()]), observed)).toEqual(['- paused: true']);
  });

  it('hides variables that others set when it adopts an object', async () => {
    const { metadata, ...rest } = deployment([
      web({ env: [{ name: 'AWS_SECRET_ACCESS_KEY', value: 'wJalrXUtnFEMI' }] }),
    ]);
    const unmanaged = { ...rest, metadata: { ...metadata, labels: {} } } as KubeObject;
    const fields = {
      'f:spec': {
        'f:template': {
          'f:spec': {
            'f:containers': { 'k:{"name":"web"}': { 'f:env': { 'k:{"name":"AWS_SECRET_ACCESS_KEY"}': {} } } },
          },
        },
      },
    };
    const observed = recorded(unmanaged, 'kubectl-create', 'Update', fields);
    const lines = await changed(deployment([web({ env: [{ name: 'A', value: '1' }] })]), observed);
    expect(lines).toContain('- - name: AWS_SECRET_ACCESS_KEY');
    expect(lines).toContain('- value: (hidden)');
    expect(lines.join()).not.toContain('wJalrXUtnFEMI');
  });

  it('shows a created object in full, and nothing for a deleted one', async () => {
    const desired = deployment([web()]);
    const lines = await unifiedDiff(previewOf(desired, undefined));
    expect(lines[0]).toBe('@@ -0,0 +1,14 @@');
    expect(lines.slice(1).every((line) => line.startsWith('+'))).toBe(true);
    expect(lines).toContain('+          image: web:2');
    expect(previewObject({ payload: { deletes: desired } })).toBeUndefined();
  });
});

describe('the preview of a Secret', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const secret = (data: Record<string, string>): KubeObject =>
    withManagedLabel({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'key', namespace: 'shop' },
      type: 'Opaque',
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encode(value)])),
    });
  const values = ['AKIASAMEVALUE', 'the old value', 'the new value', 'a removed value', 'an added value'];
  const desired = secret({ same: values[0]!, other: values[2]!, added: values[4]! });
  const observed = recorded(
    secret({ same: values[0]!, other: values[1]!, gone: values[3]! }),
    'ecr-bootstrap',
    'Apply',
    {
      'f:data': { 'f:same': {}, 'f:other': {}, 'f:gone': {} },
    },
  );

  it('shows which values differ and none of them', async () => {
    const lines = await unifiedDiff(previewOf(desired, observed));
    expect(lines.filter((line) => line.includes('(secret'))).toEqual([
      '   same: (secret, unchanged)',
      '-  other: (secret, present value)',
      '-  gone: (secret, present value)',
      '+  other: (secret, new value)',
      '+  added: (secret, new value)',
    ]);
    for (const value of values) {
      expect(lines.join('\n')).not.toContain(value);
      expect(lines.join('\n')).not.toContain(encode(value));
    }
  });

  it('hides the values of a Secret that is created, and the copy that kubectl apply stores of one', async () => {
    const created = (await unifiedDiff(previewOf(desired, undefined))).join('\n');
    const stringData = { ...desired, stringData: { plain: values[1] } };
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const metadata = {
      ...observed.metadata,
      labels: {},
      annotations: { [annotation]: JSON.stringify(stringData) },
    };
    const copied = recorded({ ...observed, metadata }, 'kubectl-client-side-apply', 'Update', {
      'f:metadata': { 'f:annotations': { [`f:${annotation}`]: {} } },
    });
    const adopted = (await unifiedDiff(previewOf(stringData, copied))).join('\n');
    expect(adopted).toContain('last-applied-configuration');
    for (const text of [created, adopted]) {
      expect(text).toContain('(secret, new value)');
      for (const value of values) {
        expect(text).not.toContain(value);
        expect(text).not.toContain(encode(value));
      }
    }
  });
});
