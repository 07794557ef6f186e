import { expect, it } from 'vitest';
import { settleAll } from '../../../src/core/members.ts';

it('returns the results in order', async () => {
  const late = new Promise<string>((resolve) => setTimeout(resolve, 1, 'late'));
  expect(await settleAll([late, Promise.resolve('soon')])).toEqual(['late', 'soon']);
});

it('throws the first error in order, after all promises have settled', async () => {
  let hasEnded = false;
  const late = new Promise<void>((_, reject) =>
    setTimeout(() => {
      hasEnded = true;
      reject(new Error('late'));
    }, 1),
  );
  await expect(settleAll([late, Promise.reject(new Error('soon'))])).rejects.toThrow('late');
  expect(hasEnded).toBe(true);
});
