import { expect, it } from 'vitest';
import { document } from './doc.ts';

it('docs/internals/contract.md is generated from the cases', async () => {
  await expect(document()).toMatchFileSnapshot('../../../docs/internals/contract.md');
});
