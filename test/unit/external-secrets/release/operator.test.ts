import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import type { OperatorManifest } from '../../../../src/external-secrets/release/port.ts';
import { patchCrds, patchObjects } from '../../../../src/external-secrets/release/operator.ts';
import { applyPatches } from '../../../../src/external-secrets/release/patch.ts';
import { parseObjects } from '../../../../src/external-secrets/release/parse.ts';
import { operatorManifest } from '../../../../sandbox/world.ts';
import { settings } from './settings.ts';

let manifest: OperatorManifest;
beforeAll(async () => {
  manifest = {
    objects: await parseObjects(operatorManifest(), 'sandbox'),
    sha256: 'c'.repeat(64),
    from: 'sandbox',
  };
});

const find = (objects: readonly KubeObject[], kind: string, name: string): KubeObject => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
};

interface Container {
  readonly args: string[];
  readonly env?: unknown;
  readonly image: string;
  readonly readinessProbe?: object;
  readonly resources?: unknown;
  readonly volumeMounts?: { name: string }[];
}

interface PodSpec {
  readonly containers: [Container];
  readonly tolerations?: unknown;
  readonly nodeSelector?: unknown;
  readonly volumes?: { name: string }[];
}

const podOf = (objects: readonly KubeObject[], name: string): PodSpec =>
  (find(objects, 'Deployment', name)['spec'] as { template: { spec: PodSpec } }).template.spec;

const deployments = ['external-secrets', 'external-secrets-cert-controller', 'external-secrets-webhook'];

describe("the operator's patched objects", () => {
  it('are 16 CRDs and 19 others, each labeled as managed and annotated with the checksum of the YAML', () => {
    const [crds, rest] = [patchCrds(manifest, settings), patchObjects(manifest, settings)];
    expect([crds.length, rest.length]).toEqual([16, 19]);
    for (const { metadata } of [...crds, ...rest]) {
      expect(metadata.labels).toMatchObject(settings.labels);
      expect(metadata.annotations).toMatchObject({ 'example.test/manifest': manifest.sha256 });
    }
  });

  it('keep the labels by which the cert-controller finds them', () => {
    const component = 'external-secrets.io/component';
    for (const { metadata } of patchCrds(manifest, settings))
      expect(metadata.labels?.[component]).toBe('controller');
    const rest = patchObjects(manifest, settings);
    for (const name of ['secretstore-validate', 'externalsecret-validate']) {
      expect(find(rest, 'ValidatingWebhookConfiguration', name).metadata.labels?.[component]).toBe('webhook');
    }
  });

  it('name the configured namespace wherever the YAML names its own', () => {
    const rest = patchObjects(manifest, settings);
    expect(JSON.stringify(rest)).not.toMatch(/"default"|=default|\.default\.svc/);
    expect(podOf(rest, 'external-secrets-cert-controller').containers[0].args).toEqual(
      expect.arrayContaining(['--service-namespace=external-secrets', '--secret-namespace=external-secrets']),
    );
    expect(podOf(rest, 'external-secrets-webhook').containers[0].args).toContain(
      '--dns-name=external-secrets-webhook.external-secrets.svc',
    );
  });

  it('use the image of the private registry, the pull secret and several workers', () => {
    const rest = patchObjects(manifest, settings);
    for (const name of deployments) {
      expect(podOf(rest, name).containers[0].image).toBe(settings.image);
      expect(find(rest, 'ServiceAccount', name)).toHaveProperty('imagePullSecrets', [{ name: 'puller' }]);
    }
    const { args } = podOf(rest, 'external-secrets').containers[0];
    expect(args.filter((arg) => arg.startsWith('--concurrent'))).toEqual(['--concurrent=10']);
    expect(args).toEqual(expect.arrayContaining(['--client-qps=500', '--client-burst=1000']));
  });

  it('have an early first readiness probe, because a new installation waits for it', () => {
    const rest = patchObjects(manifest, settings);
    for (const name of ['external-secrets-webhook', 'external-secrets-cert-controller']) {
      const [{ readinessProbe }] = podOf(rest, name).containers;
      expect(readinessProbe).toMatchObject({ initialDelaySeconds: 2, httpGet: { path: '/readyz' } });
    }
  });

  it('take environment, tolerations, node selector and resources from the settings, in all three pods', () => {
    const tolerations = [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' as const }];
    const nodeSelector = { disk: 'fast' };
    const resources = { limits: { memory: '256Mi' } };
    const env = { HTTPS_PROXY: 'http://proxy.example:3128' };
    const rest = patchObjects(manifest, { ...settings, tolerations, nodeSelector, resources, env });
    for (const name of deployments) {
      const { containers, ...pod } = podOf(rest, name);
      expect(pod).toMatchObject({ tolerations, nodeSelector });
      expect(containers[0].resources).toEqual(resources);
      expect(containers[0].env).toEqual([{ name: 'HTTPS_PROXY', value: env.HTTPS_PROXY }]);
    }
  });

  it('mount additional certificate authorities in the controller only, and keep its environment', () => {
    const rest = patchObjects(manifest, { ...settings, authorities: 'PEM', env: { A: 'b' } });
    const [container] = podOf(rest, 'external-secrets').containers;
    expect(container.env).toEqual([
      { name: 'A', value: 'b' },
      { name: 'SSL_CERT_DIR', value: '/etc/ecr-bootstrap/authorities' },
    ]);
    expect(container.volumeMounts?.map(({ name }) => name)).toEqual(['external-secrets-authorities']);
    expect(podOf(rest, 'external-secrets-webhook').volumes?.map(({ name }) => name)).toEqual(['certs']);
  });

  it('get another checksum in their pods when a setting is removed', () => {
    const marksOf = (objects: readonly KubeObject[]): unknown =>
      (
        find(objects, 'Deployment', 'external-secrets')['spec'] as {
          template: { metadata: { annotations: unknown } };
        }
      ).template.metadata.annotations;
    const before = marksOf(patchObjects(manifest, { ...settings, env: { A: 'b' } }));
    expect(marksOf(patchObjects(manifest, settings))).not.toEqual(before);
  });

  it('leave the objects of the manifest unchanged', () => {
    const before = JSON.stringify(manifest.objects);
    patchObjects(manifest, settings);
    expect(JSON.stringify(manifest.objects)).toBe(before);
  });
});

describe('a patch', () => {
  it('fails when it matches too few values, and names the objects and their numbers of matches', () => {
    const patch = {
      what: 'image',
      objects: 'ServiceAccount',
      path: 'spec.image',
      where: Boolean,
      times: 1,
      set: String,
    };
    expect(() => applyPatches(manifest.objects, [patch])).toThrow(
      expect.objectContaining({
        code: 'patch-mismatch',
        why: expect.stringContaining('ServiceAccount external-secrets-webhook: 0') as string,
      }),
    );
  });

  it('fails when it matches too many values', () => {
    const doubled = { ...manifest, objects: manifest.objects.map(withTwoFlags) };
    expect(() => patchObjects(doubled, settings)).toThrow(
      expect.objectContaining({
        code: 'patch-mismatch',
        what: expect.stringContaining('--dns-name') as string,
      }),
    );
  });
});

function withTwoFlags(object: KubeObject): KubeObject {
  const flag = '"--dns-name=external-secrets-webhook.default.svc"';
  return JSON.parse(JSON.stringify(object).replace(flag, `${flag},${flag}`)) as KubeObject;
}
