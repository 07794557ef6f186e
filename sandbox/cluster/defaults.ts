import { type Draft, type Fields, isFields } from './objects.ts';

const probe = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 };

const ofContainer: Readonly<Record<string, unknown>> = {
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  'ports[].protocol': 'TCP',
  'env[].valueFrom.fieldRef.apiVersion': 'v1',
  ...Object.fromEntries<unknown>(
    ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((name): [string, unknown][] => [
      ...Object.entries(probe).map(([field, value]) => [`${name}.${field}`, value] as [string, unknown]),
      [`${name}.httpGet.scheme`, 'HTTP'],
    ]),
  ),
};

/** k8s.io/kubernetes, pkg/apis/core/v1/defaults.go. */
const ofPod: Readonly<Record<string, unknown>> = {
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
  'volumes[].hostPath.type': '',
  'volumes[].secret.defaultMode': 420,
  'volumes[].configMap.defaultMode': 420,
  'volumes[].projected.defaultMode': 420,
  ...below('containers[]', ofContainer),
  ...below('initContainers[]', ofContainer),
};

const remoteRef = { conversionStrategy: 'Default', decodingStrategy: 'None', metadataPolicy: 'None' };

/** Source: the CRDs of External Secrets Operator v0.12.1. */
const ofExternalSecret: Readonly<Record<string, unknown>> = {
  refreshInterval: '1h',
  target: {},
  'target.creationPolicy': 'Owner',
  'target.deletionPolicy': 'Retain',
  'target.template.engineVersion': 'v2',
  'target.template.mergePolicy': 'Replace',
  'target.template.templateFrom[].target': 'Data',
  ...below('data[].remoteRef', remoteRef),
  ...below('dataFrom[].extract', remoteRef),
  'dataFrom[].find.conversionStrategy': 'Default',
  'dataFrom[].find.decodingStrategy': 'None',
  'dataFrom[].sourceRef.generatorRef.apiVersion': 'generators.external-secrets.io/v1alpha1',
};

const ofStore = {
  'spec.provider.kubernetes.remoteNamespace': 'default',
  'spec.provider.kubernetes.server.url': 'kubernetes.default',
};

/**
 * The defaults that the API server sets in absent fields, by kind, for the kinds that the product writes. A field whose
 * parent is absent stays absent. Sources: k8s.io/kubernetes, pkg/apis/GROUP/VERSION/defaults.go.
 */
const defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Deployment: {
    'spec.replicas': 1,
    'spec.progressDeadlineSeconds': 600,
    'spec.revisionHistoryLimit': 10,
    'spec.strategy': { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    ...below('spec.template.spec', ofPod),
  },
  DaemonSet: {
    'spec.revisionHistoryLimit': 10,
    'spec.updateStrategy': { type: 'RollingUpdate' },
    'spec.updateStrategy.rollingUpdate': { maxUnavailable: 1, maxSurge: 0 },
    'spec.updateStrategy.rollingUpdate.maxUnavailable': 1,
    'spec.updateStrategy.rollingUpdate.maxSurge': 0,
    ...below('spec.template.spec', ofPod),
  },
  StatefulSet: { 'spec.replicas': 1 },
  ReplicaSet: { 'spec.replicas': 1 },
  Service: {
    'spec.type': 'ClusterIP',
    'spec.sessionAffinity': 'None',
    'spec.internalTrafficPolicy': 'Cluster',
    'spec.ipFamilyPolicy': 'SingleStack',
    'spec.ipFamilies': ['IPv4'],
    'spec.clusterIP': '10.96.0.20',
    'spec.clusterIPs': ['10.96.0.20'],
    'spec.ports[].protocol': 'TCP',
  },
  ValidatingWebhookConfiguration: below('webhooks[]', {
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
    'rules[].scope': '*',
    'clientConfig.service.port': 443,
  }),
  CustomResourceDefinition: {
    'spec.conversion': { strategy: 'None' },
    'spec.conversion.webhook.clientConfig.service.port': 443,
  },
  MutatingAdmissionPolicy: below('spec', {
    failurePolicy: 'Fail',
    matchConstraints: {},
    'matchConstraints.matchPolicy': 'Equivalent',
    'matchConstraints.namespaceSelector': {},
    'matchConstraints.objectSelector': {},
    'matchConstraints.resourceRules[].scope': '*',
  }),
  ExternalSecret: below('spec', ofExternalSecret),
  ClusterExternalSecret: below('spec.externalSecretSpec', ofExternalSecret),
  SecretStore: ofStore,
  ClusterSecretStore: ofStore,
};

function below(parent: string, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([path, value]) => [`${parent}.${path}`, value]));
}

/** Sets the defaults of the API server. @param object changed in place */
export function fillDefaults(object: Draft): void {
  for (const [path, value] of Object.entries(defaults[object.kind] ?? {})) {
    fill(object, path.split('.'), value);
  }
  if (object.kind === 'CustomResourceDefinition') nameLists(object);
  if (object.kind === 'Deployment' || object.kind === 'DaemonSet') normalizePods(object);
}

function fill(parent: unknown, [segment = '', ...rest]: readonly string[], value: unknown): void {
  if (!isFields(parent)) return;
  const name = segment.replace('[]', '');
  if (rest.length === 0) {
    parent[name] ??= structuredClone(value);
    return;
  }
  const children = segment.endsWith('[]') && Array.isArray(parent[name]) ? parent[name] : [parent[name]];
  for (const child of children) fill(child, rest, value);
}

/** k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/v1/defaults.go. */
function nameLists({ spec }: Draft): void {
  const names = isFields(spec) ? spec['names'] : undefined;
  if (!isFields(names) || typeof names['kind'] !== 'string') return;
  names['listKind'] ??= `${names['kind']}List`;
  names['singular'] ??= names['kind'].toLowerCase();
}

/** The default pull policy depends on the tag. Quantities get their canonical form, and empty strings are removed. */
function normalizePods({ spec }: Draft): void {
  const pod = (spec as { template?: { spec?: unknown } }).template?.spec;
  if (!isFields(pod)) return;
  if (pod['serviceAccountName'] !== undefined) pod['serviceAccount'] = pod['serviceAccountName'];
  for (const container of ['containers', 'initContainers'].flatMap((name) => listIn(pod, name))) {
    const image = typeof container['image'] === 'string' ? container['image'] : '';
    const isLatest = image.endsWith(':latest') || !/[:@][^/]*$/.test(image);
    container['imagePullPolicy'] ??= isLatest ? 'Always' : 'IfNotPresent';
    for (const variable of listIn(container, 'env')) {
      if (variable['value'] === '') delete variable['value'];
    }
    const { resources } = container;
    for (const amounts of isFields(resources) ? Object.values(resources) : []) {
      if (isFields(amounts)) normalizeQuantities(amounts);
    }
  }
}

const listIn = (parent: Fields, name: string): Fields[] =>
  Array.isArray(parent[name]) ? parent[name].filter(isFields) : [];

/** `1000m` is stored as `1`, and a number as a string. */
function normalizeQuantities(amounts: Fields): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const text = String(amount);
    const milli = /^(\d+)000m$/.exec(text)?.[1];
    amounts[name] = milli ?? text;
  }
}
