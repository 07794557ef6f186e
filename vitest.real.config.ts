import { defineConfig } from 'vitest/config';

/** Tests on real programs: a Docker engine (as root) and docker-registry. `npm test` needs neither. */
export default defineConfig({
  test: {
    include: ['test/contract/real/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
