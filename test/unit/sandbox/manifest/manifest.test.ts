import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../sandbox/cluster/index.ts';
import { operatorManifest } from '../../../../sandbox/world.ts';

const objects = loadAll(operatorManifest()) as KubeObject[];
const count = (kind: string) => objects.filter((object) => object.kind === kind).length;
const text = JSON.stringify(objects);
const times = (part: string) => text.split(part).length - 1;

describe('the operator manifest of the sandbox', () => {
  it('has the 35 objects of the official manifest', () => {
    expect(objects).toHaveLength(35);
    expect(Object.fromEntries(objects.map(({ kind }) => [kind, count(kind)]))).toEqual({
      CustomResourceDefinition: 16,
      ServiceAccount: 3,
      Secret: 1,
      Service: 1,
      Deployment: 3,
      ValidatingWebhookConfiguration: 2,
      ClusterRole: 5,
      ClusterRoleBinding: 2,
      Role: 1,
      RoleBinding: 1,
    });
  });

  it('names the namespace wherever the official manifest does', () => {
    expect(objects.filter(({ metadata }) => metadata.namespace === 'default')).toHaveLength(10);
    expect(times('"kind":"ServiceAccount","name"')).toBe(3);
    expect(times('-namespace=default"')).toBe(2);
    expect(times('--dns-name=external-secrets-webhook.default.svc')).toBe(1);
    expect(times('"path":"/convert"')).toBe(16);
    expect(times('"path":"/validate-')).toBe(3);
  });

  it('uses one image three times and has no Namespace', () => {
    expect(times('"image":"oci.external-secrets.io/external-secrets/external-secrets:v0.12.1"')).toBe(3);
    expect(count('Namespace')).toBe(0);
  });
});
