import { expect, it } from 'vitest';
import { parseChallenge } from '../../../../src/clients/registry/challenge.ts';

it('parses a challenge whose parameters follow a very long word', () => {
  const realm = 'https://auth.example/token';
  expect(parseChallenge(`Bearer ${'a'.repeat(60_000)},realm="${realm}",service="registry.example"`)).toEqual({
    scheme: 'bearer',
    realm,
    service: 'registry.example',
  });
});
