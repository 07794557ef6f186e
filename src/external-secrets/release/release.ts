import { refOf } from '../../clients/kubernetes/names.ts';
import type { KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { once } from '../../core/once.ts';

export const releaseVersion = 'v0.12.1';

/** The namespace in the release manifest. */
export const renderedNamespace = 'default';

/**
 * The objects of the release manifest of External Secrets Operator v0.12.1, without descriptive labels. A CRD has the
 * checksum of its schema, see `schemaDigest`.
 */
export const releaseObjects = once((): readonly KubeObject[] => [
  ...crdLines.map(crd),
  ...[controller, certController, webhook].map((component) => namespaced('v1', 'ServiceAccount', component)),
  namespaced('v1', 'Secret', webhook, {}, ofWebhook),
  namespaced('v1', 'Service', webhook, { spec: service }, ofWebhook),
  deployment(controller, controllerContainer, { dnsPolicy: 'ClusterFirst' }),
  deployment(certController, certControllerContainer),
  deployment(webhook, webhookContainer, { volumes: [{ name: 'certs', secret: { secretName: webhook } }] }),
  webhooks('secretstore-validate', [
    validator('secretstore', 'Namespaced'),
    validator('clustersecretstore', 'Cluster'),
  ]),
  webhooks('externalsecret-validate', [
    { ...validator('externalsecret', 'Namespaced'), failurePolicy: 'Fail' },
  ]),
  ...Object.entries(rules).map(([name, allowed]) => role(name, allowed)),
  binding('ClusterRoleBinding', `${controller}-controller`, controller),
  binding('ClusterRoleBinding', certController, certController),
  binding('RoleBinding', leaderElection, controller),
]);

type Fields = Readonly<Record<string, unknown>>;

const controller = 'external-secrets';
const certController = 'external-secrets-cert-controller';
const webhook = 'external-secrets-webhook';
const leaderElection = 'external-secrets-leaderelection';
const group = 'external-secrets.io';
const generators = 'generators.external-secrets.io';

const selector = (program: string): Fields => ({
  'app.kubernetes.io/name': program,
  'app.kubernetes.io/instance': 'external-secrets',
});

const component = (name: string): Fields => ({ 'external-secrets.io/component': name });
const ofWebhook = component('webhook');

function namespaced(
  apiVersion: string,
  kind: string,
  program: string,
  rest: Fields = {},
  labels: Fields = {},
  name = program,
): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace: renderedNamespace,
      labels: { ...selector(program), ...labels } as Record<string, string>,
    },
    ...rest,
  };
}

function clusterWide(...args: Parameters<typeof namespaced>): KubeObject {
  const { metadata, ...rest } = namespaced(...args);
  const { namespace, ...others } = metadata;
  return { ...rest, metadata: others };
}

/** Kind, short name (- for none) and the schema checksum of each version; the last version is the stored one. */
const crdLines = [
  'ClusterExternalSecret ces v1beta1=f44e57476fda7ef65bde3dc633a360d743e0a76dfaa792ed7e60929aee4a4d74',
  'ClusterSecretStore css v1alpha1=a315702cd32ce20a85a030c641a26a20632791a843955585541b1636b98c8f36 v1beta1=da60f7a1375ca086e40e970683f04692f213d29c5b51d3057edfa161321be023',
  'ExternalSecret es v1alpha1=00703b2d110246406bacf674ea59ad87ec927dbe1974f896502a7a1ec4a2c413 v1beta1=315a20493744d5f60cbc588a8525216f2f619220853e43ee3b718fcc344d5e24',
  'PushSecret - v1alpha1=465f82c3f5ef6df3248427aae96f422e0f33d0fe24316915008ca73f2b9c068e',
  'SecretStore ss v1alpha1=a315702cd32ce20a85a030c641a26a20632791a843955585541b1636b98c8f36 v1beta1=da60f7a1375ca086e40e970683f04692f213d29c5b51d3057edfa161321be023',
  'ACRAccessToken - v1alpha1=ee26c3f6e15c1105d5e473f70876c71efbc854b2e366b6177d0c0bfe215f99bc',
  'ClusterGenerator - v1alpha1=24a81d735ee5eb6d3cd20d305ca4a0fd05cd9bfdc158c56310de9ad8c8b38546',
  'ECRAuthorizationToken - v1alpha1=5b377e4e03f4ea982dab2e7a22e4d6af90bac00174088cd6c7eb16c423206484',
  'Fake - v1alpha1=80baafa3a4d8a79a512c6e19b060da05818a946b5b7ee3ba4737272bc5691ba6',
  'GCRAccessToken - v1alpha1=b027271cb6adbd68d9f83a086ac6b2867bfbd150deb937876bbbf2aef2d86abe',
  'GithubAccessToken - v1alpha1=3f4e0a49e581c7ba576d6a0672dfacc01000e56699dfdd33f2e26ee8e2fa7618',
  'Password - v1alpha1=8d75c3bdc592b60bc30ec191f78d4655863da79e6ee9bf555c39dc52fca76bff',
  'STSSessionToken - v1alpha1=3b09844943171399bd52e2229710faafaab8249f8bd2672f12087aabf3951f35',
  'UUID - v1alpha1=319c0b70900da4852bacea534ec6ecf005baf8d6d1402a5aa761a1661f52ae25',
  'VaultDynamicSecret - v1alpha1=6a8d4b95370be1b051eca1aae3cd5f110725be9bc7706f1e4d1b4ea5b0194154',
  'Webhook - v1alpha1=a31c1b4d76f6d37b7357abad303b5e84ab40081abf21e9fdd6d2476c1eed0b2e',
];

function crd(line: string, index: number): KubeObject {
  const [kind = '', shortName = '-', ...versions] = line.split(' ');
  // The first five kinds are stores and secrets, the others generators.
  const isGenerator = index > 4;
  const singular = kind.toLowerCase();
  const names = {
    kind,
    listKind: `${kind}List`,
    plural: `${singular}s`,
    singular,
    categories: ['external-secrets', ...(isGenerator ? ['external-secrets-generators'] : [])],
    ...(shortName === '-' ? {} : { shortNames: [shortName] }),
  };
  const ownGroup = isGenerator ? generators : group;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${names.plural}.${ownGroup}`,
      labels: component('controller') as Record<string, string>,
    },
    spec: {
      group: ownGroup,
      scope: kind.startsWith('Cluster') ? 'Cluster' : 'Namespaced',
      names,
      versions: versions.map((version, at) => {
        const [name, schema] = version.split('=');
        const isStored = at === versions.length - 1;
        const storage = isStored ? { storage: true } : { storage: false, deprecated: true };
        return { name, served: true, ...storage, schema, subresources: { status: {} } };
      }),
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: { service: { path: '/convert' } },
        },
      },
    },
  };
}

const service = {
  type: 'ClusterIP',
  ports: [{ port: 443, targetPort: 10250, protocol: 'TCP', name: 'webhook' }],
  selector: selector(webhook),
};

const logging = ['--loglevel=info', '--zap-time-encoding=epoch'];
const probe = { httpGet: { port: 8081, path: '/readyz' }, initialDelaySeconds: 20, periodSeconds: 5 };
const port = (containerPort: number, name: string): Fields => ({ containerPort, protocol: 'TCP', name });

const controllerContainer = {
  name: 'external-secrets',
  args: ['--concurrent=1', '--metrics-addr=:8080', ...logging],
  ports: [port(8080, 'metrics')],
  resources: { requests: { cpu: '10m', memory: '32Mi' } },
};

const certControllerContainer = {
  name: 'cert-controller',
  args: [
    'certcontroller',
    '--crd-requeue-interval=5m',
    `--service-name=${webhook}`,
    `--service-namespace=${renderedNamespace}`,
    `--secret-name=${webhook}`,
    `--secret-namespace=${renderedNamespace}`,
    '--metrics-addr=:8080',
    '--healthz-addr=:8081',
    ...logging,
    '--enable-partial-cache=true',
  ],
  ports: [port(8080, 'metrics')],
  readinessProbe: probe,
};

const webhookContainer = {
  name: 'webhook',
  args: [
    'webhook',
    '--port=10250',
    `--dns-name=${webhook}.${renderedNamespace}.svc`,
    '--cert-dir=/tmp/certs',
    '--check-interval=5m',
    '--metrics-addr=:8080',
    '--healthz-addr=:8081',
    ...logging,
  ],
  ports: [port(8080, 'metrics'), port(10250, 'webhook')],
  readinessProbe: probe,
  volumeMounts: [{ name: 'certs', mountPath: '/tmp/certs', readOnly: true }],
};

function deployment(program: string, container: Fields, pod: Fields = {}): KubeObject {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const image = `oci.external-secrets.io/external-secrets/external-secrets:${releaseVersion}`;
  const spec = {
    serviceAccountName: program,
    automountServiceAccountToken: true,
    hostNetwork: false,
    containers: [{ ...container, image, imagePullPolicy: 'IfNotPresent', securityContext }],
    ...pod,
  };
  return namespaced('apps/v1', 'Deployment', program, {
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      selector: { matchLabels: selector(program) },
      template: { metadata: { labels: selector(program) }, spec },
    },
  });
}

const webhooks = (name: string, validators: readonly Fields[]): KubeObject =>
  clusterWide(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    webhook,
    { webhooks: validators },
    ofWebhook,
    name,
  );

const validator = (kind: string, scope: string): Fields => ({
  name: `validate.${kind}.${group}`,
  rules: [
    {
      apiGroups: [group],
      apiVersions: ['v1beta1'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: [`${kind}s`],
      scope,
    },
  ],
  clientConfig: {
    service: {
      namespace: renderedNamespace,
      name: webhook,
      path: `/validate-external-secrets-io-v1beta1-${kind}`,
    },
  },
  admissionReviewVersions: ['v1', 'v1beta1'],
  sideEffects: 'None',
  timeoutSeconds: 5,
});

/** Lists are separated by spaces. */
const allow = (apiGroup: string, resources: string, verbs: string, names?: string): Fields => ({
  apiGroups: [apiGroup],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...(names === undefined ? {} : { resourceNames: names.split(' ') }),
});

const read = 'get list watch';
const change = 'create delete deletecollection patch update';
const kindsForUsers = 'externalsecrets secretstores clustersecretstores pushsecrets';
const kinds = `${kindsForUsers} clusterexternalsecrets`;
const generatorsForUsers =
  'acraccesstokens clustergenerators ecrauthorizationtokens fakes gcraccesstokens githubaccesstokens passwords vaultdynamicsecrets webhooks';
const subresources = kinds.split(' ').flatMap((kind) => [kind, `${kind}/status`, `${kind}/finalizers`]);
const leases = allow('coordination.k8s.io', 'leases', 'get create update patch');
const configurations = 'validatingwebhookconfigurations';

/** The rules of the ClusterRoles and the Role, by name. */
const rules: Readonly<Record<string, readonly Fields[]>> = {
  [`${controller}-controller`]: [
    allow(group, kinds, read),
    allow(group, subresources.join(' '), 'get update patch'),
    allow(group, 'externalsecrets', 'create update delete'),
    allow(generators, `${generatorsForUsers} stssessiontokens uuids`, read),
    allow('', 'serviceaccounts namespaces configmaps', read),
    allow('', 'secrets', `${read} create update delete patch`),
    allow('', 'serviceaccounts/token', 'create'),
    allow('', 'events', 'create patch'),
  ],
  [certController]: [
    allow('apiextensions.k8s.io', 'customresourcedefinitions', `${read} update patch`),
    allow('admissionregistration.k8s.io', configurations, read),
    allow(
      'admissionregistration.k8s.io',
      configurations,
      'update patch',
      'secretstore-validate externalsecret-validate',
    ),
    allow('', 'endpoints', read),
    allow('', 'events', 'create patch'),
    allow('', 'secrets', `${read} update patch`),
    leases,
  ],
  [`${controller}-view`]: [allow(group, kindsForUsers, read), allow(generators, generatorsForUsers, read)],
  [`${controller}-edit`]: [
    allow(group, kindsForUsers, change),
    allow(generators, generatorsForUsers, change),
  ],
  [`${controller}-servicebindings`]: [allow(group, 'externalsecrets', read)],
  [leaderElection]: [
    allow('', 'configmaps', 'get update patch', 'external-secrets-controller'),
    allow('', 'configmaps', 'create'),
    leases,
  ],
};

const aggregateTo = (...roles: readonly string[]): Fields =>
  Object.fromEntries(roles.map((name) => [`rbac.authorization.k8s.io/aggregate-to-${name}`, 'true']));

/** Labels that aggregate these roles into others. */
const labelsOfRoles: Readonly<Record<string, Fields>> = {
  [`${controller}-view`]: aggregateTo('view', 'edit', 'admin'),
  [`${controller}-edit`]: aggregateTo('edit', 'admin'),
  [`${controller}-servicebindings`]: { 'servicebinding.io/controller': 'true' },
};

const rbac = 'rbac.authorization.k8s.io';

function role(name: string, allowed: readonly Fields[]): KubeObject {
  const program = name === certController ? certController : controller;
  const [build, kind] =
    name === leaderElection ? ([namespaced, 'Role'] as const) : ([clusterWide, 'ClusterRole'] as const);
  return build(`${rbac}/v1`, kind, program, { rules: allowed }, labelsOfRoles[name], name);
}

/** Binds the role with the name of the binding to a service account. */
function binding(kind: 'ClusterRoleBinding' | 'RoleBinding', name: string, account: string): KubeObject {
  const build = kind === 'RoleBinding' ? namespaced : clusterWide;
  const roleRef = { apiGroup: rbac, kind: kind.replace('Binding', ''), name };
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: renderedNamespace }];
  return build(`${rbac}/v1`, kind, account, { roleRef, subjects }, {}, name);
}

/** References to every object of the release in the operator's namespace. */
export const releasedRefs = (namespace: string): readonly ObjectRef[] =>
  releaseObjects()
    .map(refOf)
    .map((ref) => (ref.namespace === undefined ? ref : { ...ref, namespace }));

/** Names of the objects of one kind in the release. */
export const releasedNames = (kind: string): readonly string[] =>
  releaseObjects()
    .filter((object) => object.kind === kind)
    .map(({ metadata }) => metadata.name);
