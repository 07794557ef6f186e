import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,contract,faults}/**/*.test.ts'],
    exclude: ['test/contract/real/**'],
    pool: 'forks',
    // The program is loaded once per process: a process for each file would take half of the time. No test may leave anything behind.
    isolate: false,
    // Most tests wait for servers in the same process: more of them at once than vitest would dare.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
