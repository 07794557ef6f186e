import { expect, it } from 'vitest';
import { podFields, serviceAccountFields } from '../../../src/cluster/list-fields.ts';
import { decodeObject } from '../../../src/clients/kubernetes/protobuf.ts';
import { all, encoded, nested, number, string } from '../clients/kubernetes/encode.ts';

/** Of k8s.io/api/core/v1/generated.proto. */
const waiting = nested(1, all(string(1, 'ImagePullBackOff'), string(2, 'Back-off')));
const terminated = nested(3, all(number(1, 137), number(2, 0), string(3, 'Error'), string(4, 'killed')));
const containerStatus = all(
  ...[string(1, 'main'), nested(2, waiting), nested(3, terminated), number(4, 0), number(5, 2)],
  ...[string(6, 'web:1'), string(7, 'web@sha256:1'), string(8, 'containerd://1')],
);
const entry = (key: string, value: string) => all(string(1, key), string(2, value));

it('reads of a pod in protobuf what is read of it in JSON', () => {
  const metadata = all(
    ...[string(1, 'web-1'), string(2, 'web-'), string(3, 'shop'), string(5, 'u-1'), string(6, '77')],
    ...[nested(8, number(1, 1_769_860_800)), nested(11, entry('app', 'web'))],
    ...[nested(12, entry('kubernetes.io/config.mirror', 'x')), nested(12, entry('other', 'y'))],
    ...[nested(13, all(string(1, 'ReplicaSet'), string(3, 'web'), string(4, 'u-2'), number(6, 1)))],
  );
  const spec = all(
    ...[nested(1, all(string(1, 'token'), nested(2, nested(26, all()))))],
    ...[
      nested(
        1,
        all(string(1, 'model'), nested(2, nested(30, all(string(1, 'model:1'), string(2, 'Always'))))),
      ),
    ],
    ...[nested(2, all(string(1, 'main'), string(2, 'web:1'), string(3, 'run'))), string(3, 'Always')],
    ...[
      nested(7, entry('disk', 'ssd')),
      string(8, 'robot'),
      string(10, 'node-1'),
      nested(15, string(1, 'puller')),
    ],
    ...[nested(20, all(string(1, 'first'), string(2, 'init:1')))],
    ...[nested(34, all(nested(1, all(string(1, 'debug'), string(2, 'sh:1'))), string(2, 'main')))],
  );
  const status = all(
    ...[string(1, 'Pending'), string(3, 'a message'), string(4, 'Evicted'), string(5, '10.0.0.1')],
    ...[nested(2, all(string(1, 'Ready'), string(2, 'False'), string(5, 'Unready'), string(6, 'main')))],
    ...[nested(8, containerStatus), nested(10, string(1, 'first')), nested(13, string(1, 'debug'))],
  );
  const pod = decodeObject(encoded(nested(1, metadata), nested(2, spec), nested(3, status)), podFields);
  expect(pod).toEqual({
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      uid: 'u-1',
      creationTimestamp: '2026-01-31T12:00:00Z',
      labels: { app: 'web' },
      annotations: { 'kubernetes.io/config.mirror': 'x' },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'web', uid: 'u-2', controller: true }],
    },
    spec: {
      volumes: [{ image: { reference: 'model:1' } }],
      containers: [{ name: 'main', image: 'web:1' }],
      nodeSelector: { disk: 'ssd' },
      serviceAccountName: 'robot',
      nodeName: 'node-1',
      imagePullSecrets: [{ name: 'puller' }],
      initContainers: [{ name: 'first', image: 'init:1' }],
      ephemeralContainers: [{ name: 'debug', image: 'sh:1' }],
    },
    status: {
      phase: 'Pending',
      message: 'a message',
      reason: 'Evicted',
      conditions: [{ type: 'Ready', status: 'False', reason: 'Unready', message: 'main' }],
      containerStatuses: [
        {
          name: 'main',
          state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off' } },
          lastState: { terminated: { exitCode: 137, reason: 'Error', message: 'killed' } },
          ready: false,
          restartCount: 2,
          image: 'web:1',
          imageID: 'web@sha256:1',
        },
      ],
      initContainerStatuses: [{ name: 'first' }],
      ephemeralContainerStatuses: [{ name: 'debug' }],
    },
  });
});

it('keeps the pull secrets of a service account that have no name, because their positions count', () => {
  const metadata = all(string(1, 'default'), string(3, 'shop'), string(6, '77'));
  const account = encoded(
    nested(1, metadata),
    nested(2, string(3, 'token')),
    nested(3, all()),
    nested(3, string(1, 'puller')),
  );
  expect(decodeObject(account, serviceAccountFields)).toEqual({
    metadata: { name: 'default', namespace: 'shop', resourceVersion: '77' },
    imagePullSecrets: [{}, { name: 'puller' }],
  });
});
