import { expect, it } from 'vitest';
import type { KubeObject } from '../../../src/clients/kubernetes/port.ts';
import { missedAccess, type PodAccess } from '../../../src/nodes/stuck-pods.ts';

const registryHost = '1.dkr.ecr.eu-west-1.amazonaws.com';
const image = `${registryHost}/demo/web:1`;
const refused = { cause: 'credentials', why: '401 Unauthorized', image } as const;

const pod = (...secrets: string[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:05Z' },
  spec: { imagePullSecrets: secrets.map((name) => ({ name })) },
});

const access = (more: Partial<PodAccess> = {}): PodAccess => ({
  registryHost,
  pullSecret: 'puller',
  isMirrored: false,
  accountSecrets: ['team', 'puller'],
  secretCreated: '2026-01-01T00:00:00Z',
  ...more,
});

it('finds that a pod without pull secrets missed the list of its service account', () => {
  expect(missedAccess(pod(), refused, access())).toBe('service-account');
});

it('finds the same for a pod with the earlier list of its service account', () => {
  expect(missedAccess(pod('team'), refused, access())).toBe('service-account');
});

it('leaves a pod alone that lists a pull secret of its own', () => {
  expect(missedAccess(pod('own'), refused, access())).toBeUndefined();
});

it('finds that a pod is older than its pull secret', () => {
  const newer = access({ secretCreated: '2026-01-01T00:00:06Z' });
  expect(missedAccess(pod('puller'), refused, newer)).toBe('pull-secret');
  expect(
    missedAccess(pod('puller'), refused, access({ secretCreated: '2026-01-01T00:00:05Z' })),
  ).toBeUndefined();
  expect(missedAccess(pod('puller'), refused, access({ secretCreated: undefined }))).toBeUndefined();
});

it('leaves a pod alone that fails for another cause than its credentials', () => {
  expect(missedAccess(pod(), { ...refused, cause: 'not-found' }, access())).toBeUndefined();
  expect(missedAccess(pod(), { ...refused, image: 'quay.io/team/web:1' }, access())).toBeUndefined();
});

it('finds that the kubelet tried the registry itself before its node pulled from ECR', () => {
  const failure = {
    cause: 'dns',
    why: 'lookup registry-1.docker.io: no such host',
    image: 'nginx:1',
  } as const;
  expect(missedAccess(pod(), failure, access({ isMirrored: true }))).toBe('node-access');
  expect(missedAccess(pod(), failure, access())).toBeUndefined();
});

it('finds no missed node access if the node cannot reach ECR', () => {
  const failure = { cause: 'dns', why: `lookup ${registryHost}: no such host`, image: 'nginx:1' } as const;
  expect(missedAccess(pod(), failure, access({ isMirrored: true }))).toBeUndefined();
});
