import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import { verifyOfficial } from '../../../../src/external-secrets/release/official.ts';
import { differences } from '../../../../src/external-secrets/release/release-compare.ts';
import { releaseObjects } from '../../../../src/external-secrets/release/release.ts';
import { parseObjects } from '../../../../src/external-secrets/release/parse.ts';
import { operatorManifest } from '../../../../sandbox/world.ts';

const official = await parseObjects(operatorManifest(), 'sandbox');

/** The operator's objects, with another value at one path of one object. */
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
const operator = 'Deployment external-secrets';
const account = 'ServiceAccount external-secrets';
const service = 'Service external-secrets-webhook';
const webhooks = 'ValidatingWebhookConfiguration externalsecret-validate';
const crd = 'CustomResourceDefinition secretstores.external-secrets.io';

const refusal = (why: RegExp) =>
  expect.objectContaining({ code: 'manifest-unusable', why: expect.stringMatching(why) as string }) as Error;

describe('an operator manifest with the names of the release is refused when', () => {
  it.each([
    [operator, `${pod}.initContainers`, [{ name: 'odd' }], /initContainers \[{"name":"odd"}\]/],
    [
      operator,
      `${pod}.containers.1`,
      { name: 'odd', image: 'docker.io/odd:v0.12.1' },
      /containers\.1 {"name":/,
    ],
    [operator, `${pod}.containers.0.name`, 'odd', /containers\.0\.name "odd"/],
    [operator, `${pod}.containers.0.image`, 'docker.io/odd:v0.12.1', /image "docker\.io/],
    [operator, `${pod}.containers.0.command`, ['sh'], /command \["sh"\]/],
    [operator, `${pod}.containers.0.args.4`, '--enable-http2', /args\.4 "--enable-http2"/],
    [operator, `${pod}.containers.0.env`, [{ name: 'HTTPS_PROXY', value: 'http://odd' }], /env \[/],
    [operator, `${pod}.containers.0.envFrom`, [{ secretRef: { name: 'odd' } }], /envFrom \[/],
    [operator, `${pod}.containers.0.lifecycle`, { postStart: { exec: { command: ['sh'] } } }, /lifecycle/],
    [operator, `${pod}.containers.0.volumeMounts`, [{ name: 'odd', mountPath: '/' }], /volumeMounts/],
    [operator, `${pod}.containers.0.securityContext.privileged`, true, /privileged true/],
    [operator, `${pod}.containers.0.securityContext.capabilities.add`, ['SYS_ADMIN'], /capabilities\.add/],
    [operator, `${pod}.containers.0.securityContext`, null, /has no spec.*securityContext/],
    [operator, `${pod}.securityContext`, { runAsUser: 0 }, /securityContext {"runAsUser":0}/],
    [operator, `${pod}.volumes`, [{ name: 'odd', hostPath: { path: '/' } }], /volumes \[{"name":"odd"/],
    [operator, `${pod}.hostPID`, true, /hostPID true/],
    [operator, `${pod}.hostAliases`, [{ ip: '192.0.2.1', hostnames: ['odd'] }], /hostAliases/],
    [operator, `${pod}.dnsConfig`, { nameservers: ['192.0.2.1'] }, /dnsConfig/],
    [operator, `${pod}.nodeName`, 'odd', /nodeName "odd"/],
    [operator, `spec.template.metadata.annotations`, { odd: 'yes' }, /annotations {"odd":"yes"}/],
    [
      'Deployment external-secrets-webhook',
      `${pod}.serviceAccountName`,
      'external-secrets',
      /serviceAccountName/,
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
    [controller, 'aggregationRule', { clusterRoleSelectors: [{}] }, /aggregationRule/],
    [
      controller,
      'metadata.labels',
      { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' },
      /metadata\.labels\.rbac\.authorization\.k8s\.io\/aggregate-to-view "true"/,
    ],
    [
      'ClusterRoleBinding external-secrets-controller',
      'roleRef.name',
      'cluster-admin',
      /name "cluster-admin"/,
    ],
    [
      'ClusterRoleBinding external-secrets-controller',
      'subjects.0',
      { kind: 'Group', name: 'system:authenticated' },
      /name "system:authenticated"/,
    ],
    [
      'ClusterRoleBinding external-secrets-controller',
      'subjects.1',
      { kind: 'ServiceAccount', name: 'odd', namespace: 'default' },
      /subjects\.1/,
    ],
    [
      account,
      'metadata.annotations',
      { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/odd' },
      /role-arn/,
    ],
    [account, 'secrets', [{ name: 'odd' }], /secrets/],
    ['Secret external-secrets-webhook', 'data', { 'tls.key': 'b2Rk' }, /has data/],
    ['Secret external-secrets-webhook', 'stringData', { 'tls.key': 'odd' }, /has stringData/],
    ['Secret external-secrets-webhook', 'type', 'kubernetes.io/service-account-token', /has type/],
    [service, 'spec.selector', { app: 'odd' }, /spec\.selector/],
    [service, 'spec.type', 'LoadBalancer', /spec\.type "LoadBalancer"/],
    [service, 'spec.externalIPs', ['192.0.2.1'], /spec\.externalIPs/],
    [service, 'spec.externalName', 'odd.example', /spec\.externalName/],
    [
      webhooks,
      'webhooks.0.clientConfig',
      { url: 'https://odd.example' },
      /has no webhooks\.0\.clientConfig\.service/,
    ],
    [webhooks, 'webhooks.0.clientConfig.caBundle', 'b2Rk', /caBundle/],
    [webhooks, 'webhooks.0.rules.0.resources.0', '*', /rules\.0\.resources\.0 "\*"/],
    [webhooks, 'webhooks.0.rules.1', { resources: ['secrets'] }, /rules\.1/],
    [webhooks, 'webhooks.0.rules.0.scope', undefined, /has no .*scope/],
    [webhooks, 'webhooks.0.failurePolicy', 'Ignore', /failurePolicy "Ignore"/],
    [webhooks, 'webhooks.0.namespaceSelector', { matchLabels: { odd: 'yes' } }, /namespaceSelector/],
    [crd, 'spec.conversion.webhook.clientConfig.url', 'https://odd.example', /clientConfig\.url/],
    [crd, 'spec.conversion.webhook.clientConfig.service.path', '/odd', /service\.path "\/odd"/],
    [crd, 'spec.conversion.webhook.clientConfig.caBundle', 'b2Rk', /caBundle/],
    [
      crd,
      'spec.versions.1.schema.openAPIV3Schema',
      { type: 'object', properties: { spec: { default: { provider: {} } } } },
      /versions\.1\.schema/,
    ],
    [crd, 'metadata.annotations', { 'api-approved.kubernetes.io': 'odd' }, /annotations/],
    [crd, 'metadata.finalizers', ['odd/finalizer'], /finalizers/],
    [crd, 'spec.versions.1.schema', 'open', /versions\.1\.schema/],
    [operator, `${pod}.nodeSelector`, { 'app.kubernetes.io/version': 'odd' }, /nodeSelector/],
    [operator, `${pod}.containers.0.ports.1`, {}, /ports\.1/],
    [service, 'spec.selector', { 'helm.sh/chart': 'odd' }, /spec\.selector/],
    [
      webhooks,
      'webhooks.0.namespaceSelector',
      { matchLabels: { 'helm.sh/chart': 'odd' } },
      /namespaceSelector/,
    ],
    [controller, 'rules', { 0: { apiGroups: ['*'], resources: ['*'], verbs: ['*'] } }, /has rules {"0":/],
    [controller, 'rules.9', { apiGroups: '*', resources: '*', verbs: '*' }, /has rules {"apiGroups":"\*"/],
    [controller, 'rules.9', null, /has rules null/],
    [controller, 'rules.9', { verbs: ['get'], odd: [] }, /has rules {"verbs":/],
  ])('%s: %s differs', (id, path, value, why) => {
    expect(() => {
      verifyOfficial(changed(id, path, value), 'a file');
    }).toThrow(refusal(why));
  });

  it('it contains an object twice', () => {
    const [first, ...rest] = official;
    expect(() => {
      verifyOfficial([first as KubeObject, first as KubeObject, ...rest], 'a file');
    }).toThrow(refusal(/twice/));
  });
});

/** Every map and value in an object, with its path. */
function* within(value: unknown, path: readonly string[] = []): Generator<[readonly string[], unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* within(member, [...path, key]);
}

/** Fields without effect, and fields that patches replace. */
const mayDiffer =
  /(helm\.sh\/chart|app\.kubernetes\.io\/(version|managed-by)|controller-gen\.kubebuilder\.io\/version)$/;

it('compares every value of every object, and every field that is not in the release', () => {
  const released = new Map(
    releaseObjects().map((object) => [`${object.kind} ${object.metadata.name}`, object]),
  );
  for (const object of official) {
    const id = `${object.kind} ${object.metadata.name}`;
    const accepted = [...within(object)].flatMap(([path, value]) => {
      // Rules are compared by the permissions that they grant.
      if (Array.isArray(value) || (path[0] === 'rules' && typeof value === 'object')) return [];
      const other = typeof value === 'object' ? { ...value, odd: 1 } : 'odd';
      const altered = alter(object, path, other);
      return differences(released.get(id) ?? object, altered).length > 0 ? [] : [path.join(' ')];
    });
    const isCrd = object.kind === 'CustomResourceDefinition';
    const surprises = accepted.filter(
      (path) => !mayDiffer.test(path) && !(isCrd && /clientConfig service (name|namespace)$/.test(path)),
    );
    expect({ id, surprises }).toEqual({ id, surprises: [] });
  }
});

function alter(object: KubeObject, path: readonly string[], value: unknown): KubeObject {
  if (path.length === 0) return value as KubeObject;
  const altered = structuredClone(object) as unknown as Record<string, unknown>;
  let at = altered;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
  return altered as unknown as KubeObject;
}

it.each([
  ['initContainers', null],
  ['containers.0.securityContext.capabilities', { add: null, drop: ['ALL'] }],
  ['containers.0.securityContext.capabilities', { add: [], drop: ['ALL'] }],
  ['containers.0.command', null],
  ['containers.0.command', []],
  ['containers.0.env', []],
  ['containers.0.lifecycle', null],
  ['nodeSelector', {}],
])('accepts an empty field of a pod as absent: %s is %j', (path, value) => {
  expect(() => {
    verifyOfficial(changed(operator, `${pod}.${path}`, value), 'a file');
  }).not.toThrow();
});

it.each([
  ['rules', []],
  // An empty list in YAML without brackets.
  ['rules', null],
  ['rules.0.verbs', null],
])('accepts a role that grants less than in the release: %s is %s', (path, value) => {
  expect(() => {
    verifyOfficial(changed(controller, path, value), 'a file');
  }).not.toThrow();
});
