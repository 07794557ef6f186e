import { describe, expect, it } from 'vitest';
import { renderTemplate } from '../../../src/cluster/templates.ts';

const values = {
  pullSecret: 'puller',
  copyEvery: '10m',
  labels: { a: 'b' },
  namespaceSelector: { matchExpressions: [] },
};

describe('rendering a template', () => {
  it('fills in text, and objects where a whole value stands', async () => {
    const [fanOut] = await renderTemplate('namespaces', values);
    expect(fanOut).toMatchObject({
      metadata: { name: 'puller' },
      spec: {
        namespaceSelectors: [{ matchExpressions: [] }],
        externalSecretMetadata: { labels: { a: 'b' } },
      },
    });
  });

  it('cannot be led to another structure by a value', async () => {
    const name = 'puller\nkind: Secret # ${copyEvery}';
    const [fanOut] = await renderTemplate('namespaces', { ...values, pullSecret: name });
    expect(fanOut).toMatchObject({ kind: 'ClusterExternalSecret', metadata: { name } });
  });

  it('fails when a value is missing', async () => {
    const { copyEvery: _, ...rest } = values;
    await expect(renderTemplate('namespaces', rest)).rejects.toThrow('no value for ${copyEvery}');
  });

  it('fails when a value is not used', async () => {
    await expect(renderTemplate('namespaces', { ...values, region: 'x' })).rejects.toThrow(
      'nothing uses region',
    );
  });
});
