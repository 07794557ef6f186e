import { expect, it } from 'vitest';
import { tokenFinding } from '../../../src/external-secrets/tokens.ts';

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;

const findingAt = (milliseconds: number | undefined) =>
  tokenFinding(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'puller',
        namespace: 'shop',
        ...(milliseconds !== undefined && {
          annotations: { 'ecr-bootstrap.dev/expires-at': String((now + milliseconds) / 1000) },
        }),
      },
    },
    now,
  );

it.each([
  [11 * 60 + 5, 'ok', 'ok', 'token of shop/puller is valid for 11 h 5 min'],
  [90, 'warning', 'token-expiring', 'token of shop/puller expires in 1 h 30 min'],
  [-20, 'failed', 'token-expired', 'token of shop/puller expired 20 min ago'],
])('reports a token with %i minutes left as %s, %s', (minutes, level, code, what) => {
  expect(findingAt(minutes * minute)).toMatchObject({ level, code, what });
});

it('reports as unknown a token without an expiry', () => {
  expect(findingAt(undefined)).toMatchObject({ level: 'unknown', code: 'token-unknown' });
});
