import { defineConfig } from 'vitest/config';

/** The wire-level cases on what `test/contract/wire/main.ts` chose. */
export default defineConfig({
  test: {
    include: ['test/contract/wire/real.contract.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
