import { expect, test } from 'vitest';
import { document } from './doc.ts';

test('docs/internals/contract.md is generated from the cases', async () => {
  await expect(document()).toMatchFileSnapshot('../../../docs/internals/contract.md');
});
