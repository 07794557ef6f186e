import { defineConfig } from 'vitest/config';

/**
 * Runs in which something happens at every point there is, and unit tests that need many whole runs: minutes of work, so
 * apart from `npm test`.
 */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.faults.ts', 'test/unit/**/*.long.ts'],
    pool: 'forks',
    // More than one a core: these runs wait, too, for retries and for answers that do not come.
    maxWorkers: 3,
    // Of the processes that get killed.
    maxConcurrency: 2,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    // Each point takes a second or two; thousands of lines would hide the counts.
    slowTestThreshold: 30_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
