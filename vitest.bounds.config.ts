import { defineConfig } from 'vitest/config';

/** What the mirror may take of memory and requests, measured on a process of its own: gigabytes are moved, so apart from `npm test`. */
export default defineConfig({
  test: {
    include: ['test/bounds/**/*.bounds.ts'],
    pool: 'forks',
    // One measurement at a time.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
