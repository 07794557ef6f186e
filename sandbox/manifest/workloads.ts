import {
  certControllerName,
  component,
  type Fields,
  image,
  labels,
  namespace,
  object,
  release,
  selector,
  webhookName,
} from './names.ts';

const logging = ['--loglevel=info', '--zap-time-encoding=epoch'];
const probed = {
  readinessProbe: { httpGet: { port: 8081, path: '/readyz' }, initialDelaySeconds: 20, periodSeconds: 5 },
};

/** Service accounts, the Secret and Service of the webhook, three Deployments and two webhook configurations. */
export function workloads(): Fields[] {
  return [
    ...[release, certControllerName, webhookName].map((name) =>
      object('v1', 'ServiceAccount', name, name, {}),
    ),
    withComponent(object('v1', 'Secret', webhookName, webhookName, {})),
    withComponent(
      object('v1', 'Service', webhookName, webhookName, {
        spec: {
          type: 'ClusterIP',
          ports: [{ port: 443, targetPort: 10250, protocol: 'TCP', name: 'webhook' }],
          selector: selector(webhookName),
        },
      }),
    ),
    deployment(
      release,
      {
        name: 'external-secrets',
        args: ['--concurrent=1', '--metrics-addr=:8080', ...logging],
        ports: [port(8080, 'metrics')],
        resources: { requests: { cpu: '10m', memory: '32Mi' } },
      },
      { dnsPolicy: 'ClusterFirst' },
    ),
    certController(),
    webhook(),
    webhookConfiguration('secretstore-validate', [
      validator('secretstore', 'Namespaced'),
      validator('clustersecretstore', 'Cluster'),
    ]),
    webhookConfiguration('externalsecret-validate', [
      { ...validator('externalsecret', 'Namespaced'), failurePolicy: 'Fail' },
    ]),
  ];
}

function certController(): Fields {
  return deployment(certControllerName, {
    name: 'cert-controller',
    args: [
      'certcontroller',
      '--crd-requeue-interval=5m',
      `--service-name=${webhookName}`,
      `--service-namespace=${namespace}`,
      `--secret-name=${webhookName}`,
      `--secret-namespace=${namespace}`,
      '--metrics-addr=:8080',
      '--healthz-addr=:8081',
      ...logging,
      '--enable-partial-cache=true',
    ],
    ports: [port(8080, 'metrics')],
    ...probed,
  });
}

function webhook(): Fields {
  const container = {
    name: 'webhook',
    args: [
      'webhook',
      '--port=10250',
      `--dns-name=${webhookName}.${namespace}.svc`,
      '--cert-dir=/tmp/certs',
      '--check-interval=5m',
      '--metrics-addr=:8080',
      '--healthz-addr=:8081',
      ...logging,
    ],
    ports: [port(8080, 'metrics'), port(10250, 'webhook')],
    ...probed,
    volumeMounts: [{ name: 'certs', mountPath: '/tmp/certs', readOnly: true }],
  };
  return deployment(webhookName, container, {
    volumes: [{ name: 'certs', secret: { secretName: webhookName } }],
  });
}

const port = (containerPort: number, name: string) => ({ containerPort, protocol: 'TCP', name });

function deployment(name: string, container: Fields, podSpec: Fields = {}): Fields {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  return object('apps/v1', 'Deployment', name, name, {
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      selector: { matchLabels: selector(name) },
      template: {
        metadata: { labels: labels(name) },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: true,
          hostNetwork: false,
          containers: [{ ...container, image, imagePullPolicy: 'IfNotPresent', securityContext }],
          ...podSpec,
        },
      },
    },
  });
}

function webhookConfiguration(name: string, webhooks: Fields[]): Fields {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  return withComponent(
    object(apiVersion, 'ValidatingWebhookConfiguration', name, webhookName, { webhooks }, 'cluster'),
  );
}

function validator(kind: string, scope: 'Namespaced' | 'Cluster'): Fields {
  const path = `/validate-external-secrets-io-v1beta1-${kind}`;
  return {
    name: `validate.${kind}.external-secrets.io`,
    rules: [
      {
        apiGroups: ['external-secrets.io'],
        apiVersions: ['v1beta1'],
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        resources: [`${kind}s`],
        scope,
      },
    ],
    clientConfig: { service: { namespace, name: webhookName, path } },
    admissionReviewVersions: ['v1', 'v1beta1'],
    sideEffects: 'None',
    timeoutSeconds: 5,
  };
}

function withComponent(webhookObject: Fields): Fields {
  const metadata = webhookObject['metadata'] as { labels: Fields };
  return {
    ...webhookObject,
    metadata: { ...metadata, labels: { ...metadata.labels, ...component('webhook') } },
  };
}
