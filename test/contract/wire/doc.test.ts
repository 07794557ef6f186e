import { expect, test } from 'vitest';
import { document } from './doc.ts';

test('docs/contract.md is made from the cases', async () => {
  await expect(document()).toMatchFileSnapshot('../../../docs/contract.md');
});
