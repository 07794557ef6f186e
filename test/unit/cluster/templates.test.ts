import { describe, expect, it } from 'vitest';
import { renderTemplate } from '../../../src/cluster/templates.ts';

const values = {
  pullSecret: 'puller',
  operatorApi: 'external-secrets.io/v1',
  copyEvery: '10m',
  labels: { a: 'b' },
  namespaceSelector: { matchExpressions: [] },
};

describe('renderTemplate', () => {
  it('replaces placeholders with text, and complete values also with objects', async () => {
    const [fanOut] = await renderTemplate('namespaces', values);
    expect(fanOut).toMatchObject({
      metadata: { name: 'puller' },
      spec: {
        namespaceSelectors: [{ matchExpressions: [] }],
        externalSecretMetadata: { labels: { a: 'b' } },
      },
    });
  });

  it('does not let a value change the structure of the document', async () => {
    const name = 'puller\nkind: Secret # ${copyEvery}';
    const [fanOut] = await renderTemplate('namespaces', { ...values, pullSecret: name });
    expect(fanOut).toMatchObject({ kind: 'ClusterExternalSecret', metadata: { name } });
  });

  it('fails when a value is missing', async () => {
    const { copyEvery: _, ...rest } = values;
    await expect(renderTemplate('namespaces', rest)).rejects.toThrow('no value for ${copyEvery}');
  });

  it('fails when a value has no placeholder', async () => {
    await expect(renderTemplate('namespaces', { ...values, region: 'x' })).rejects.toThrow(
      'nothing uses region',
    );
  });
});
