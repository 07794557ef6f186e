import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Secret } from '../../../../sandbox/operator/types.ts';
import type { TestCluster } from '../cluster/support.ts';
import {
  decode,
  encode,
  fanOutObjects,
  home,
  keyObjects,
  put,
  startOperator,
  tokenObjects,
  v1beta1,
} from './support.ts';

const hour = 3_600_000;
let test: TestCluster;

beforeEach(async () => {
  test = await startOperator();
  test.aws.secrets.set('image-puller-AWS_ACCESS_KEY_ID', test.aws.pair.accessKeyId);
  test.aws.secrets.set('image-puller-AWS_SECRET_ACCESS_KEY', test.aws.pair.secretAccessKey);
});
afterEach(() => test.close());

const secret = (name: string, namespace = home) =>
  test.cluster.get('Secret', name, namespace) as Secret | undefined;
const config = (namespace = home) => decode(secret('puller', namespace)?.data?.['.dockerconfigjson']);
const ready = (name: string, namespace = home, kind = 'ExternalSecret') => {
  const status = test.cluster.get(kind, name, namespace)?.status as
    | {
        conditions?: { status: string; message?: string; reason?: string }[];
      }
    | undefined;
  return status?.conditions?.[0];
};
const warnings = (name: string) =>
  test.cluster
    .list('Event')
    .filter(
      (event) => event['type'] === 'Warning' && (event['involvedObject'] as { name: string }).name === name,
    )
    .map((event) => String(event['message']));

describe('the access key in the cluster', () => {
  it('is synced from Secrets Manager with the key pair in the target Secret itself', async () => {
    await put(test, ...keyObjects(test.aws.pair));
    expect(ready('image-puller')).toMatchObject({ status: 'True', reason: 'SecretSynced' });
    expect(secret('image-puller')?.metadata.labels).toMatchObject({
      'reconcile.external-secrets.io/managed': 'true',
    });
  });

  it('reaches the Secret only at the next interval after a rotation', async () => {
    await put(test, ...keyObjects(test.aws.pair));
    test.aws.secrets.set('image-puller-AWS_ACCESS_KEY_ID', 'AKIA2');
    test.clock.advance(hour / 2);
    await test.cluster.settled();
    expect(decode(secret('image-puller')?.data?.['AWS_ACCESS_KEY_ID'])).toBe('AKIA1');
    test.clock.advance(hour);
    await test.cluster.settled();
    expect(decode(secret('image-puller')?.data?.['AWS_ACCESS_KEY_ID'])).toBe('AKIA2');
  });

  it('is synced at once when an annotation changes', async () => {
    await put(test, ...keyObjects(test.aws.pair));
    test.aws.secrets.set('image-puller-AWS_ACCESS_KEY_ID', 'AKIA2');
    const path = `/apis/${v1beta1}/namespaces/${home}/externalsecrets/image-puller`;
    const body = { metadata: { annotations: { 'force-sync': '1' } } };
    await test.request('PATCH', path, { body, type: 'application/merge-patch+json' });
    await test.cluster.settled();
    expect(decode(secret('image-puller')?.data?.['AWS_ACCESS_KEY_ID'])).toBe('AKIA2');
  });

  it('stops syncing when its parts do not match, reports why only in an event, and resumes when it is rewritten', async () => {
    await put(test, ...keyObjects({ ...test.aws.pair, secretAccessKey: 'torn' }));
    expect(ready('aws', home, 'SecretStore')).toMatchObject({ status: 'True', reason: 'Valid' });
    expect(ready('image-puller')).toMatchObject({
      status: 'False',
      reason: 'SecretSyncedError',
      message: 'could not get secret data from provider',
    });
    expect(warnings('image-puller')[0]).toContain('InvalidSignatureException');
    const [whole] = keyObjects(test.aws.pair);
    if (whole) await put(test, whole);
    expect(ready('image-puller')).toMatchObject({ status: 'True' });
  });
});

describe('the pull secret in the cluster', () => {
  beforeEach(() => put(test, ...keyObjects(test.aws.pair), ...tokenObjects(), ...fanOutObjects()));

  it('is a Docker config with a new token, and has the expiry in its data and as an annotation', () => {
    const auths = (JSON.parse(config()) as { auths: Record<string, unknown> }).auths;
    expect(auths['registry.example']).toEqual({
      username: 'AWS',
      password: 'token-1',
      auth: encode('AWS:token-1'),
    });
    expect(secret('puller')?.type).toBe('kubernetes.io/dockerconfigjson');
    expect(secret('puller')?.metadata.annotations?.['expires']).toBe(
      decode(secret('puller')?.data?.['expires_at']),
    );
  });

  it('is copied with one token to every namespace except the excluded one', () => {
    for (const namespace of ['default', 'kube-system', 'shop']) expect(config(namespace)).toBe(config());
    expect(test.aws.tokens).toBe(1);
    const status = test.cluster.get('ClusterExternalSecret', 'puller')?.status as {
      provisionedNamespaces: string[];
    };
    expect(status.provisionedNamespaces).toContain('shop');
    expect(status.provisionedNamespaces).not.toContain(home);
  });

  it('is renewed in every namespace after 13 hours', async () => {
    test.clock.advance(13 * hour);
    await test.cluster.settled();
    expect(config()).toContain('token-2');
    for (const namespace of ['default', 'kube-system', 'shop']) expect(config(namespace)).toBe(config());
  });

  it('is copied to a new namespace', async () => {
    await test.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'fresh' } } });
    await test.cluster.settled();
    expect(config('fresh')).toBe(config());
  });

  it('is deleted from a namespace that no longer matches', async () => {
    const ces = test.cluster.get('ClusterExternalSecret', 'puller');
    const values = [home, 'shop'];
    const namespaceSelectors = [
      { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values }] },
    ];
    if (ces) await put(test, { ...ces, spec: { ...(ces.spec as object), namespaceSelectors } });
    expect(secret('puller', 'shop')).toBeUndefined();
  });

  it('is restored in a copy that was edited or deleted', async () => {
    const copy = secret('puller', 'shop');
    if (copy) await put(test, { ...copy, data: { '.dockerconfigjson': encode('{}') } });
    expect(config('shop')).toBe(config());
    await test.request('DELETE', '/api/v1/namespaces/shop/secrets/puller');
    await test.cluster.settled();
    expect(config('shop')).toBe(config());
  });

  it('stays when its Orphan source is deleted, while Owner copies are deleted', async () => {
    await test.request('DELETE', `/apis/${v1beta1}/namespaces/${home}/externalsecrets/puller`);
    await test.request('DELETE', `/apis/${v1beta1}/clusterexternalsecrets/puller`);
    await test.cluster.settled();
    expect(secret('puller')).toBeDefined();
    expect(secret('puller', 'shop')).toBeUndefined();
  });

  it('cannot be applied by another field manager without force', async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'puller' },
      data: { '.dockerconfigjson': encode('{}') },
    };
    const answer = await test.apply(`/api/v1/namespaces/${home}/secrets/puller`, body);
    expect([answer.code, answer.body.reason]).toEqual([409, 'Conflict']);
    expect(answer.body.message).toContain('externalsecrets.external-secrets.io/puller');
    expect((await test.apply(`/api/v1/namespaces/${home}/secrets/puller`, body, '&force=true')).code).toBe(
      200,
    );
  });
});

describe('the operator in a conflict', () => {
  it('reports a namespace with an ExternalSecret of another owner and serves the other namespaces', async () => {
    const spec = { secretStoreRef: { name: 'x' }, data: [{ secretKey: 'a', remoteRef: { key: 'a' } }] };
    await put(
      test,
      { kind: 'ExternalSecret', metadata: { name: 'puller', namespace: 'shop' }, spec },
      ...keyObjects(test.aws.pair),
      ...tokenObjects(),
      ...fanOutObjects(),
    );
    const status = test.cluster.get('ClusterExternalSecret', 'puller')?.status;
    expect(status).toMatchObject({
      conditions: [{ type: 'Ready', status: 'False' }],
      failedNamespaces: [{ namespace: 'shop', reason: 'external secret already exists in namespace' }],
    });
    expect(config('default')).toBe(config());
  });

  it('cannot sync to a Secret of another type', async () => {
    const taken = { kind: 'Secret', metadata: { name: 'puller', namespace: home }, type: 'Opaque', data: {} };
    await put(test, taken, ...keyObjects(test.aws.pair), ...tokenObjects());
    expect(ready('puller')).toMatchObject({ status: 'False', message: 'could not update secret' });
    expect(warnings('puller')[0]).toContain('field is immutable');
  });

  it('refuses a target that another ExternalSecret owns', async () => {
    await put(test, ...keyObjects(test.aws.pair));
    const rival = {
      secretStoreRef: { name: 'aws' },
      data: [{ secretKey: 'a', remoteRef: { key: 'image-puller-AWS_ACCESS_KEY_ID' } }],
    };
    const target = { target: { name: 'shared', creationPolicy: 'Owner' } };
    await put(test, {
      kind: 'ExternalSecret',
      metadata: { name: 'one', namespace: home },
      spec: { ...rival, ...target },
    });
    await put(test, {
      kind: 'ExternalSecret',
      metadata: { name: 'two', namespace: home },
      spec: { ...rival, ...target },
    });
    expect(ready('two')).toMatchObject({ message: 'target is owned by another ExternalSecret' });
    expect(warnings('two')).toEqual([
      'unable to mutate secret shared: secret is owned by another ExternalSecret: one',
    ]);
  });

  it('updates the metadata of an immutable Secret, but fails to update its data', async () => {
    await put(test, ...keyObjects(test.aws.pair), ...tokenObjects(), {
      kind: 'Secret',
      metadata: { name: 'puller', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': encode('{}') },
      immutable: true,
    });
    await put(test, ...fanOutObjects());
    expect(secret('puller', 'shop')).toMatchObject({
      metadata: { labels: { 'reconcile.external-secrets.io/managed': 'true' } },
      data: { '.dockerconfigjson': encode('{}') },
    });
    expect(warnings('puller')).toContain('unable to update secret puller: secret is immutable');
  });

  it('reports the error of the API server when a quota refuses a Secret', async () => {
    await put(test, {
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace: 'shop' },
      spec: { hard: { 'count/secrets': '0' } },
    });
    await put(test, ...keyObjects(test.aws.pair), ...tokenObjects(), ...fanOutObjects());
    expect(secret('puller', 'shop')).toBeUndefined();
    expect(secret('puller', 'monitoring')).toBeDefined();
    expect(warnings('puller')).toContain(
      'secrets "puller" is forbidden: exceeded quota: few, requested: count/secrets=1, used: count/secrets=0, limited: count/secrets=0',
    );
  });

  it("reads a Secret only with the permissions of the store's service account", async () => {
    const objects = fanOutObjects().filter(({ kind }) => kind !== 'RoleBinding');
    await put(test, ...keyObjects(test.aws.pair), ...tokenObjects(), ...objects);
    expect(secret('puller', 'shop')).toBeUndefined();
    expect(warnings('puller').join()).toContain('cannot get resource "secrets"');
  });
});
