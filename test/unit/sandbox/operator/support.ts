import { loadAll } from 'js-yaml';
import type { Draft } from '../../../../sandbox/cluster/index.ts';
import { operatorManifest } from '../../../../sandbox/world.ts';
import { startCluster, type TestCluster } from '../cluster/support.ts';

export const home = 'external-secrets';
export const v1beta1 = 'external-secrets.io/v1beta1';

/** A cluster in which the operator is installed and running in its own namespace. */
export async function startOperator(): Promise<TestCluster> {
  const test = await startCluster();
  await install(test);
  return test;
}

export async function install({ cluster }: TestCluster): Promise<void> {
  cluster.put({
    kind: 'Namespace',
    metadata: { name: home, labels: { 'kubernetes.io/metadata.name': home } },
  });
  const yaml = operatorManifest()
    .replaceAll('namespace: default', `namespace: ${home}`)
    .replaceAll('-namespace=default', `-namespace=${home}`)
    .replaceAll('.default.svc', `.${home}.svc`);
  const objects = loadAll(yaml) as Draft[];
  for (const object of objects) cluster.put(object);
  await cluster.settled();
}

/** Writes objects directly to the store and waits until the operator has processed them. */
export async function put({ cluster }: TestCluster, ...objects: Draft[]): Promise<void> {
  for (const object of objects) cluster.put(object);
  await cluster.settled();
}

const keyRefs = {
  secretRef: {
    accessKeyIDSecretRef: { name: 'image-puller', key: 'AWS_ACCESS_KEY_ID' },
    secretAccessKeySecretRef: { name: 'image-puller', key: 'AWS_SECRET_ACCESS_KEY' },
  },
};
const dockerConfig =
  '{"auths":{"{{ .proxy_endpoint | trimPrefix "https://" }}":{"username":"{{ .username }}","password":"{{ .password }}",' +
  '"auth":"{{ printf "%s:%s" .username .password | b64enc }}"}}}';

const in_ = (name: string, namespace?: string) => ({ name, ...(namespace !== undefined && { namespace }) });
export const encode = (text: string) => Buffer.from(text).toString('base64');
export const decode = (text = '') => Buffer.from(text, 'base64').toString();

/** The Secret with the access key, and the ExternalSecret that syncs it from Secrets Manager. */
export const keyObjects = (pair: { accessKeyId: string; secretAccessKey: string }): Draft[] => [
  {
    kind: 'Secret',
    metadata: in_('image-puller', home),
    type: 'Opaque',
    data: {
      AWS_ACCESS_KEY_ID: encode(pair.accessKeyId),
      AWS_SECRET_ACCESS_KEY: encode(pair.secretAccessKey),
    },
  },
  {
    kind: 'SecretStore',
    metadata: in_('aws', home),
    spec: { provider: { aws: { service: 'SecretsManager', region: 'eu-west-1', auth: keyRefs } } },
  },
  {
    kind: 'ExternalSecret',
    metadata: in_('image-puller', home),
    spec: {
      refreshInterval: '1h',
      secretStoreRef: { name: 'aws', kind: 'SecretStore' },
      target: { name: 'image-puller', creationPolicy: 'Orphan', deletionPolicy: 'Retain' },
      data: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].map((key) => ({
        secretKey: key,
        remoteRef: { key: `image-puller-${key}` },
      })),
    },
  },
];

/** The generator, and the ExternalSecret that creates `puller` from its tokens. */
export const tokenObjects = (): Draft[] => [
  {
    kind: 'ECRAuthorizationToken',
    metadata: in_('puller', home),
    spec: { region: 'eu-west-1', auth: keyRefs },
  },
  {
    kind: 'ExternalSecret',
    metadata: in_('puller', home),
    spec: {
      refreshInterval: '1h',
      target: {
        name: 'puller',
        creationPolicy: 'Orphan',
        deletionPolicy: 'Retain',
        template: {
          type: 'kubernetes.io/dockerconfigjson',
          metadata: { annotations: { expires: '{{ .expires_at }}' } },
          data: { '.dockerconfigjson': dockerConfig, expires_at: '{{ .expires_at }}' },
        },
      },
      dataFrom: [
        {
          sourceRef: {
            generatorRef: {
              apiVersion: 'generators.external-secrets.io/v1alpha1',
              kind: 'ECRAuthorizationToken',
              name: 'puller',
            },
          },
        },
      ],
    },
  },
];

/** The store that can read `puller`, and the ClusterExternalSecret for every namespace except the operator's. */
export const fanOutObjects = (): Draft[] => [
  { kind: 'ServiceAccount', metadata: in_('reader', home) },
  {
    kind: 'Role',
    metadata: in_('reader', home),
    rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['puller'], verbs: ['get'] }],
  },
  {
    kind: 'RoleBinding',
    metadata: in_('reader', home),
    roleRef: { kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: home }],
  },
  {
    kind: 'ClusterSecretStore',
    metadata: in_('puller'),
    spec: {
      provider: {
        kubernetes: {
          remoteNamespace: home,
          server: {
            caProvider: { type: 'ConfigMap', name: 'kube-root-ca.crt', key: 'ca.crt', namespace: home },
          },
          auth: { serviceAccount: { name: 'reader', namespace: home } },
        },
      },
    },
  },
  {
    kind: 'ClusterExternalSecret',
    metadata: in_('puller'),
    spec: {
      externalSecretName: 'puller',
      refreshTime: '1m',
      namespaceSelectors: [
        { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [home] }] },
      ],
      externalSecretSpec: {
        refreshInterval: '10m',
        secretStoreRef: { name: 'puller', kind: 'ClusterSecretStore' },
        target: {
          name: 'puller',
          creationPolicy: 'Owner',
          deletionPolicy: 'Retain',
          template: {
            type: 'kubernetes.io/dockerconfigjson',
            metadata: { annotations: { expires: '{{ .expires_at }}' } },
            data: {
              '.dockerconfigjson': '{{ index . ".dockerconfigjson" }}',
              expires_at: '{{ .expires_at }}',
            },
          },
        },
        dataFrom: [{ extract: { key: 'puller' } }],
      },
    },
  },
];
