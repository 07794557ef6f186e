import { beforeAll, describe, expect, it } from 'vitest';

import { definitionOf } from '../support/custom-kind.ts';
import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, namespace, succeed } from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject } from './world.ts';

const where = 'catalog';
const group = 'images.example.org';
const fields = { [`proxies.${group}`]: ['.spec.image', '.spec.sidecars[*].image'] };

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

interface Document {
  readonly images: {
    readonly images: readonly { readonly source: string; readonly usedBy: readonly string[] }[];
  };
  readonly warnings?: readonly string[];
}

/** No node has this label, so no pod starts. */
const nodeSelector = { 'example.org/none': 'true' };
const image = (name: string) => `registry.example.org/${name}:1`;
const labels = { app: 'catalog' };
const podOf = (name: string, more: object = {}) => ({
  metadata: { labels },
  spec: { nodeSelector, containers: [{ name: 'main', image: image(name) }], ...more },
});
const object = (apiVersion: string, kind: string, rest: object) => ({
  apiVersion,
  kind,
  metadata: { namespace: where, name: kind.toLowerCase() },
  ...rest,
});
const controller = (apiVersion: string, kind: string, spec: object = { replicas: 0 }) =>
  object(apiVersion, kind, {
    spec: { selector: { matchLabels: labels }, template: podOf(kind.toLowerCase()), ...spec },
  });

const job = { template: podOf('job', { restartPolicy: 'Never' }), suspend: true };
const objects: readonly object[] = [
  object('v1', 'Pod', {
    spec: {
      ...podOf('pod').spec,
      initContainers: [{ name: 'init', image: image('init') }],
    },
  }),
  object('v1', 'PodTemplate', { template: podOf('podtemplate') }),
  controller('v1', 'ReplicationController', { replicas: 0, selector: labels }),
  controller('apps/v1', 'Deployment'),
  controller('apps/v1', 'StatefulSet', { replicas: 0, serviceName: 'none' }),
  controller('apps/v1', 'ReplicaSet'),
  controller('apps/v1', 'DaemonSet', {}),
  object('batch/v1', 'Job', { spec: job }),
  object('batch/v1', 'CronJob', {
    spec: {
      schedule: '0 0 1 1 *',
      suspend: true,
      jobTemplate: { spec: { template: podOf('cronjob', { restartPolicy: 'Never' }) } },
    },
  }),
];
const proxy = object(`${group}/v1`, 'Proxy', {
  spec: {
    image: image('proxy'),
    sidecars: [{ image: image('sidecar') }, { image: '{{ .Values.image }}' }, {}],
  },
});

describe('ecr-bootstrap images', () => {
  const world = openWorld();
  let kubeadm: ConfigMap;

  /** Who uses each image that the cluster names. */
  async function list() {
    const { stdout } = await succeed(await world, 'images', '--from-cluster', '-o', 'json');
    const { images, warnings = [] } = JSON.parse(stdout) as Document;
    return { users: new Map(images.images.map(({ source, usedBy }) => [source, usedBy])), warnings };
  }

  beforeAll(async () => {
    const { cluster, configure } = await world;
    await configure({ ...imagesInUse, images: { ...imagesInUse.images, fields } });
    const found = await cluster.get<ConfigMap>('configmap', 'kubeadm-config', 'kube-system');
    if (!found) throw new Error('there is no kubeadm-config');
    kubeadm = found;
    await cluster.apply(namespace(where), definitionOf(group, { kind: 'Proxy', plural: 'proxies' }));
    await waitFor('its service account', () => cluster.get('serviceaccount', 'default', where));
    await cluster.apply(...objects);
    await waitFor('the custom kind', () =>
      cluster.apply(proxy).then(
        () => true,
        () => undefined,
      ),
    );
  });

  restoreAfterAll(async () => {
    const { cluster, configure } = await world;
    await cluster.remove('namespace', where);
    await cluster.remove('crd', `proxies.${group}`);
    await configure(imagesInUse);
  });

  it('lists the images of every kind of workload, with the objects that name them', async () => {
    const { users } = await list();
    const named = [...users].filter(([source]) => source.startsWith('registry.example.org/'));
    const ofKinds = (objects as readonly KubeObject[]).map(
      ({ kind, metadata: { name } }): [string, string[]] => [image(name), [`${kind} ${where}/${name}`]],
    );
    expect(new Map(named)).toEqual(
      new Map([
        ...ofKinds,
        [image('init'), [`Pod ${where}/pod`]],
        [image('proxy'), [`Proxy ${where}/proxy`]],
        [image('sidecar'), [`Proxy ${where}/proxy`]],
      ]),
    );
  });

  it('warns about a field of a custom resource that has no image', async () => {
    const { warnings } = await list();
    expect(warnings.join(' ')).toContain(`skipped "{{ .Values.image }}" in Proxy ${where}/proxy`);
  });

  it('lists the images of the version to which kubeadm upgrades the cluster', async () => {
    const { cluster } = await world;
    const { data, metadata } = kubeadm;
    const before = data['ClusterConfiguration'] ?? '';
    const ClusterConfiguration = before.replace(/^kubernetesVersion: .*$/m, 'kubernetesVersion: v1.99.1');
    expect(ClusterConfiguration).not.toBe(before);
    const { name, namespace: of } = metadata;
    const write = (text: string) =>
      cluster.patch('configmap', name, of, [
        { op: 'replace', path: '/data/ClusterConfiguration', value: text },
      ]);
    await write(ClusterConfiguration);
    try {
      const { users } = await list();
      const next = [...users].filter(([source]) => source.endsWith(':v1.99.1'));
      expect(next.map(([source]) => source).sort()).toEqual(
        ['apiserver', 'controller-manager', 'proxy', 'scheduler'].map(
          (component) => `registry.k8s.io/kube-${component}:v1.99.1`,
        ),
      );
      for (const [, usedBy] of next) expect(usedBy).toEqual(['ConfigMap kube-system/kubeadm-config']);
    } finally {
      await write(before);
    }
  });
});
