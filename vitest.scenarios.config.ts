import { defineConfig } from 'vitest/config';

/** The scenarios in sandboxes: the product runs a hundred times, so apart from `npm test`. */
export default defineConfig({
  test: {
    include: ['test/scenarios/*.scenario.ts'],
    pool: 'forks',
    // Each file has a sandbox of its own; the program itself is loaded once for all.
    isolate: false,
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
