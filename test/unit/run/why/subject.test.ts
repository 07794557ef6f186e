import { expect, it } from 'vitest';
import { parseSubject } from '../../../../src/run/why/subject.ts';

it.each([
  ['pod/web-1', 'Pod', 'web-1'],
  ['po/web-1', 'Pod', 'web-1'],
  ['pods/web-1', 'Pod', 'web-1'],
  ['deployment/web', 'Deployment', 'web'],
  ['deployments.apps/web', 'Deployment', 'web'],
  ['deployments.v1.apps/web', 'Deployment', 'web'],
  ['deploy/web', 'Deployment', 'web'],
  ['Deployment/web', 'Deployment', 'web'],
  ['sts/db', 'StatefulSet', 'db'],
  ['ds/agent', 'DaemonSet', 'agent'],
  ['rs/web-5d', 'ReplicaSet', 'web-5d'],
  ['job/run', 'Job', 'run'],
  ['cronjob.batch/report', 'CronJob', 'report'],
  ['cj/report', 'CronJob', 'report'],
  ['rc/web', 'ReplicationController', 'web'],
  ['podtemplate/task', 'PodTemplate', 'task'],
  ['node/worker-1.example.com', 'Node', 'worker-1.example.com'],
])('reads %s as an object', (text, kind, name) => {
  expect(parseSubject([text])).toMatchObject({ type: { kind }, name });
});

it('reads a type and a name as kubectl does', () => {
  expect(parseSubject(['deploy', 'web'])).toMatchObject({ type: { kind: 'Deployment' }, name: 'web' });
});

it.each([
  'nginx',
  'nginx:1.28',
  'team/app',
  'pod/app:1',
  'job/app@sha256:' + 'a'.repeat(64),
  'quay.io/pod/app',
])('reads %s as an image', (image) => {
  expect(parseSubject([image])).toMatchObject({ image });
});

it.each([
  [['pod'], 'pod needs a name'],
  [['pod/'], '"" is not the name of an object'],
  [['pod/Web_1'], '"Web_1" is not the name of an object'],
  [['pod/a;b'], '"a;b" is not the name of an object'],
  [['service', 'web'], 'there is no type service'],
  [['deployments.batch', 'web'], 'there is no type deployments.batch'],
  [['pod', 'web', 'shop'], 'it takes one object or image at a time'],
])('refuses %j', (args, why) => {
  expect(() => parseSubject(args)).toThrow(why);
});

it('suggests the type that was probably meant', () => {
  expect(() => parseSubject(['deploymnt', 'web'])).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('Did you mean deployment?') as string }) as Error,
  );
});
