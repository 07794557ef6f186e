import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/cluster/port.ts';
import { verifyOfficial } from '../../../src/manifests/official.ts';
import { parseObjects } from '../../../src/manifests/parse.ts';
import { operatorManifest } from '../../../src/sandbox/manifest/index.ts';

const official = await parseObjects(operatorManifest(), 'sandbox');

/** The operator's objects, one of them with something else at a path of it. */
function changed(id: string, path: string, value: unknown): KubeObject[] {
  const objects = structuredClone(official);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = objects.find(({ kind, metadata }) => `${kind} ${metadata.name}` === id) as Record<string, unknown>;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  expect(at, id).toBeDefined();
  at[last] = value;
  return objects;
}

const pod = 'spec.template.spec';
const controller = 'ClusterRole external-secrets-controller';

describe("an operator's YAML with the names of the release is refused when", () => {
  it.each([
    ['Deployment external-secrets', `${pod}.initContainers`, [{ name: 'odd' }], /init container odd/],
    [
      'Deployment external-secrets',
      `${pod}.containers.1`,
      { name: 'odd', image: 'docker.io/odd:v0.12.1' },
      /container odd/,
    ],
    ['Deployment external-secrets', `${pod}.containers.0.name`, 'odd', /container odd/],
    ['Deployment external-secrets', `${pod}.containers.0.image`, 'docker.io/odd:v0.12.1', /image docker\.io/],
    ['Deployment external-secrets', `${pod}.containers.0.command`, ['sh'], /a command of its own/],
    ['Deployment external-secrets', `${pod}.containers.0.lifecycle`, {}, /lifecycle hooks/],
    ['Deployment external-secrets', `${pod}.containers.0.securityContext.privileged`, true, /has privileges/],
    [
      'Deployment external-secrets',
      `${pod}.containers.0.securityContext.capabilities.add`,
      ['SYS_ADMIN'],
      /has privileges/,
    ],
    [
      'Deployment external-secrets',
      `${pod}.volumes`,
      [{ name: 'odd', hostPath: { path: '/' } }],
      /volume odd/,
    ],
    ['Deployment external-secrets', `${pod}.hostPID`, true, /has hostPID/],
    [
      'Deployment external-secrets-webhook',
      `${pod}.serviceAccountName`,
      'external-secrets',
      /has service account external-secrets/,
    ],
    [controller, 'rules.0.verbs.0', '*', /allows \* secretstores\.external-secrets\.io/],
    [controller, 'rules.5.resources.0', '*', /allows get \*/],
    [controller, 'rules.0.apiGroups.0', '*', /allows get secretstores\.\*/],
    [
      controller,
      'rules.9',
      { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] },
      /allows create pods\/exec/,
    ],
    [controller, 'rules.9', { nonResourceURLs: ['*'], verbs: ['get'] }, /allows get \*/],
    [
      'ClusterRole external-secrets-cert-controller',
      'rules.2.resourceNames',
      undefined,
      /allows update validatingwebhookconfigurations/,
    ],
    [controller, 'aggregationRule', { clusterRoleSelectors: [{}] }, /the rights of other roles/],
    [
      'ClusterRoleBinding external-secrets-controller',
      'roleRef.name',
      'cluster-admin',
      /gives ClusterRole cluster-admin to ServiceAccount external-secrets/,
    ],
    [
      'ClusterRoleBinding external-secrets-controller',
      'subjects.0',
      { kind: 'Group', name: 'system:authenticated' },
      /to Group system:authenticated/,
    ],
    [
      'ClusterRoleBinding external-secrets-controller',
      'subjects.1',
      { kind: 'ServiceAccount', name: 'odd', namespace: 'default' },
      /to ServiceAccount external-secrets, ServiceAccount odd/,
    ],
  ])('%s: %s differs', (id, path, value, why) => {
    expect(() => verifyOfficial(changed(id, path, value), 'a file')).toThrow(
      expect.objectContaining({ code: 'manifest-unusable', why: expect.stringMatching(why) as string }),
    );
  });
});

it.each([
  ['initContainers', null],
  ['containers.0.securityContext', null],
  ['containers.0.securityContext.capabilities', null],
  ['containers.0.securityContext.capabilities', { add: null }],
  ['containers.0.securityContext.capabilities', { add: [] }],
  ['containers.0.command', null],
  ['containers.0.command', []],
  ['containers.0.lifecycle', null],
])('what a pod leaves empty is none: %s is %j', (path, value) => {
  expect(() =>
    verifyOfficial(changed('Deployment external-secrets', `${pod}.${path}`, value), 'a file'),
  ).not.toThrow();
});

it.each([
  ['rules', []],
  // As YAML has a list that is left empty.
  ['rules', null],
  ['rules.0.verbs', null],
])('a role that allows less than that of the release is no reason to refuse it: %s is %s', (path, value) => {
  expect(() => verifyOfficial(changed(controller, path, value), 'a file')).not.toThrow();
});
