import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Draft } from '../../../../sandbox/cluster/index.ts';
import { startCluster } from '../cluster/support.ts';
import type { TestCluster } from '../cluster/support.ts';
import { home, install, put, v1beta1 } from './support.ts';

const image = 'oci.external-secrets.io/external-secrets/external-secrets:v0.12.1';
const path = `/apis/${v1beta1}/namespaces/shop/externalsecrets`;
const invalid = { apiVersion: v1beta1, kind: 'ExternalSecret', metadata: { name: 'proof' }, spec: {} };

let test: TestCluster;
beforeEach(async () => {
  test = await startCluster();
});
afterEach(() => test.close());

const available = (name: string) =>
  (test.cluster.get('Deployment', name, home)?.status as { availableReplicas?: number } | undefined)
    ?.availableReplicas;

describe('the installed operator', () => {
  beforeEach(() => install(test));

  it('has three available Deployments', () => {
    for (const suffix of ['', '-webhook', '-cert-controller'])
      expect(available(`external-secrets${suffix}`)).toBe(1);
  });

  it('injects the certificate authority into three webhooks and three CRDs', () => {
    const secret = test.cluster.get('Secret', 'external-secrets-webhook', home) as unknown as {
      data: Record<string, string>;
    };
    const ca = secret.data['ca.crt'];
    const configurations = test.cluster.list('ValidatingWebhookConfiguration') as unknown as {
      webhooks: { clientConfig: { caBundle: string } }[];
    }[];
    expect(
      configurations.flatMap(({ webhooks }) => webhooks.map((hook) => hook.clientConfig.caBundle)),
    ).toEqual([ca, ca, ca]);
    const definitions = test.cluster
      .list('CustomResourceDefinition')
      .map((definition) => JSON.stringify(definition));
    expect(definitions.filter((text) => text.includes(`"caBundle":"${ca}"`))).toHaveLength(3);
  });

  it("refuses a dry run of an ExternalSecret without data with the webhook's message", async () => {
    const answer = await test.request('POST', `${path}?dryRun=All`, { body: invalid });
    expect([answer.code, answer.body.message]).toEqual([
      403,
      'admission webhook "validate.externalsecret.external-secrets.io" denied the request: either data or dataFrom should be specified',
    ]);
  });

  it('makes all requests fail, including deletions, while no webhook pod is ready', async () => {
    const body = { ...invalid, spec: { data: [{ secretKey: 'a', remoteRef: { key: 'a' } }] } };
    await test.request('POST', path, { body });
    const deployment = test.cluster.get('Deployment', 'external-secrets-webhook', home);
    if (deployment) await put(test, { ...deployment, spec: { ...(deployment.spec as object), replicas: 0 } });
    const answer = await test.request('DELETE', `${path}/proof`);
    expect([answer.code, answer.body.reason]).toEqual([500, 'InternalError']);
    expect(answer.body.message).toContain('no endpoints available for service "external-secrets-webhook"');
  });

  it('restores the authority in an overwritten webhook configuration only if it has the label', async () => {
    const configuration = test.cluster.get('ValidatingWebhookConfiguration', 'externalsecret-validate');
    if (!configuration) throw new Error('no configuration');
    const bare = JSON.parse(
      JSON.stringify(configuration, (key, value: unknown) => (key === 'caBundle' ? '' : value)),
    ) as Draft;
    await put(test, bare);
    expect((await test.request('POST', `${path}?dryRun=All`, { body: invalid })).code).toBe(403);
    await put(test, { ...bare, metadata: { ...bare.metadata, labels: {} } });
    const distrusted = await test.request('POST', `${path}?dryRun=All`, { body: invalid });
    expect([distrusted.code, distrusted.body.message]).toEqual([
      500,
      expect.stringContaining('unknown authority'),
    ]);
  });

  it('has no more ExternalSecrets after their CRD is deleted', async () => {
    await test.request('POST', path, {
      body: { ...invalid, spec: { data: [{ secretKey: 'a', remoteRef: { key: 'a' } }] } },
    });
    await test.request(
      'DELETE',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/externalsecrets.external-secrets.io',
    );
    expect(test.cluster.list('ExternalSecret')).toEqual([]);
    expect((await test.request('GET', path)).code).toBe(404);
  });
});

describe('an operator whose image cannot be pulled', () => {
  it('does nothing, and works as soon as the pull succeeds', async () => {
    test.pulls.results.set(image, 'no-route');
    await install(test);
    expect(available('external-secrets')).toBe(0);
    test.pulls.results.delete(image);
    test.clock.advance(1000);
    await test.cluster.settled();
    expect(available('external-secrets')).toBe(1);
  });
});

describe('a webhook with another DNS name than its certificate', () => {
  it('never becomes ready', async () => {
    await install(test);
    const deployment = test.cluster.get('Deployment', 'external-secrets-webhook', home);
    const text = JSON.stringify(deployment).replace(
      `--dns-name=external-secrets-webhook.${home}.svc`,
      '--dns-name=other.default.svc',
    );
    await put(test, JSON.parse(text) as never);
    const pods = test.cluster
      .list('Pod', home)
      .filter(({ spec }) => JSON.stringify(spec).includes('other.default.svc'));
    expect(JSON.stringify(pods[0]?.status)).toContain('ContainersNotReady');
  });
});
