import { expect, test } from 'vitest';
import { recordOf, type Traced } from '../../../../bench/mirror/profile/record.ts';

const [source, target] = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];

const recorded = (requests: Traced['requests']) =>
  recordOf(
    { origin: 1_000_010, loaded: 30, ended: 500, connections: [60], requests },
    { began: 1_000_000, seconds: 0.6, source: '127.0.0.1:1', load: [] },
  );

test("times are those of the command, which began before Node's own", () => {
  const times = { created: 100, sent: 101, answered: 141, ended: 142 };
  const record = recorded([{ method: 'GET', origin: source, path: '/v2/a/manifests/1', ...times }]);
  expect(record).toMatchObject({ loaded: 40, ended: 510, connections: [70], seconds: 0.6 });
  expect(record.requests[0]).toMatchObject({ created: 110, sent: 111, answered: 151, ended: 152 });
});

test('a request is told by its path and its host', () => {
  const kinds = ['/v2/a/manifests/1', '/v2/a/blobs/sha256:1', '/v2/a/blobs/uploads/?mount=x'].map(
    (path, index) => {
      const origin = index === 0 ? source : target;
      const [request] = recorded([{ method: 'GET', origin, path, created: 1, ended: 2 }]).requests;
      return `${request?.side} ${request?.kind}`;
    },
  );
  expect(kinds).toEqual(['source manifest', 'target blob', 'target upload']);
});

test('a request that never ended was under way until the program ended', () => {
  const [request] = recorded([{ method: 'GET', origin: source, path: '/v2/', created: 100 }]).requests;
  expect(request?.ended).toBe(510);
});
