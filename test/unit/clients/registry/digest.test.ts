import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CorruptContent, digestOf, isDigest, verified } from '../../../../src/clients/registry/digest.ts';

const bytes = Buffer.from('content');

describe('a digest', () => {
  it.each([`sha256:${'0f'.repeat(32)}`, `sha512:${'0f'.repeat(64)}`])('may be %s', (text) => {
    expect(isDigest(text)).toBe(true);
  });

  it.each([
    '',
    'latest',
    'sha256:',
    'sha256:abc',
    `sha256:${'0F'.repeat(32)}`,
    `SHA256:${'0f'.repeat(32)}`,
    `sha256:${'0f'.repeat(64)}`,
    `sha512:${'0f'.repeat(32)}`,
    `sha384:${'0f'.repeat(48)}`,
    `sha256:${'0f'.repeat(32)}\n`,
    `\nsha256:${'0f'.repeat(32)}`,
    ` sha256:${'0f'.repeat(32)}`,
    `sha256:${'0f'.repeat(32)}/../..`,
    `sha256:../${'0f'.repeat(30)}a`,
    '../../../../.bashrc',
    undefined,
    null,
    12,
    [`sha256:${'0f'.repeat(32)}`],
  ])('is not %j', (value) => {
    expect(isDigest(value)).toBe(false);
  });

  it.each(['sha256', 'sha512'] as const)('of bytes can be computed with %s', (algorithm) => {
    const hex = createHash(algorithm).update(bytes).digest('hex');
    expect(digestOf(bytes, algorithm)).toBe(`${algorithm}:${hex}`);
  });
});

describe('verified content', () => {
  const read = async (digest: ReturnType<typeof digestOf>, content: string, size = bytes.length) => {
    const chunks = [Buffer.from(content.slice(0, 3)), Buffer.from(content.slice(3))];
    const passed: Buffer[] = [];
    const source = (async function* () {
      yield* await Promise.resolve(chunks);
    })();
    for await (const chunk of verified(source, { digest, size })) passed.push(chunk);
    return Buffer.concat(passed).toString();
  };

  it.each(['sha256', 'sha512'] as const)(
    'is verified with the algorithm of its digest, %s',
    async (algorithm) => {
      const digest = digestOf(bytes, algorithm);
      expect(await read(digest, 'content')).toBe('content');
      await expect(read(digest, 'c0ntent')).rejects.toThrow(CorruptContent);
      await expect(read(digest, 'content and more')).rejects.toThrow('more than the 7 bytes');
      await expect(read(digest, 'cont')).rejects.toThrow('4 of the 7 bytes');
    },
  );
});
