import { expect, test } from 'vitest';
import { stagesOf } from '../../../../bench/mirror/profile/stages.ts';
import { looked, made, ran } from './made.ts';

const put = { kind: 'manifest', method: 'PUT', side: 'target' } as const;

test('a stage goes from its first request to its last answer, so that stages overlap where the run does', () => {
  const { before, between, after, whole } = stagesOf(
    ran({
      requests: [
        made(100),
        made(150),
        made(200, { kind: 'upload', method: 'POST' }),
        made(200, { kind: 'blob' }),
        made(230, put),
        made(300, { kind: 'upload', method: 'PUT', ended: 400 }),
        made(410, put),
      ],
    }),
    2,
  );
  const told = [before, ...between, after, whole].map(({ name, from, to, requests }) => [
    name,
    from,
    to,
    requests,
  ]);
  expect(told).toEqual([
    ['before the first request', 0, 100, 0],
    ['looking up', 100, 190, 2],
    ['blobs', 200, 400, 3],
    ['putting manifests', 230, 450, 2],
    ['after the last answer', 450, 1000, 0],
    ['the whole run', 0, 1000, 7],
  ]);
});

test('what a run did not do is no stage of it', () => {
  const { between } = stagesOf(ran({ requests: [made(100, { method: 'HEAD' })] }), 2);
  expect(between.map(({ name }) => name)).toEqual(['looking up']);
});

test('waiting for a connection is not told as waiting for an answer', () => {
  const { whole } = stagesOf(ran({ requests: [made(100, { sent: 130, answered: 171 })] }), 2);
  expect(whole).toMatchObject({ waited: 30, answer: 41 });
});

test('a connection belongs to the stage in which it was begun', () => {
  const record = ran({ connections: [90, 120, 121], requests: [made(100)] });
  const { before, between, after } = stagesOf(record, 2);
  expect([before, ...between, after].map(({ connections }) => connections)).toEqual([1, 2, 0]);
});

test('processors are told for the time of each stage', () => {
  const load = [
    looked(0),
    looked(100, { tool: 0.1, idle: 0.1 }),
    looked(1000, { tool: 0.1, registries: 1.8, idle: 0.1 }),
  ];
  const { before, whole } = stagesOf(ran({ requests: [made(100)], load }), 2);
  expect(before.busy).toMatchObject({ tool: 1, registries: 0 });
  expect(whole.busy).toMatchObject({ registries: 1.8 });
});
