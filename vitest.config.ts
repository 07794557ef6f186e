import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const setupFiles = ['test/support/setup.ts'];
const minutes = 60_000;

/**
 * Runs the scenarios of the lab by their numbers, because they share one cluster and one account and the first needs an
 * empty cluster. Starts those of the faults and of the unit tests that take longest first, so that no core is idle at
 * the end. Vitest takes one sequencer for all projects.
 */
class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    if (files.every(({ project }) => /^(lab|faults)$/.test(project.name)))
      return files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId));
    // While vitest knows no durations, it starts with the largest files. These are small and take longest.
    const startsFirst = ({ moduleId }: TestSpecification) => moduleId.includes('/test/unit/manifests/');
    const sorted = await super.sort(files);
    return [...sorted.filter(startsFirst), ...sorted.filter((file) => !startsFirst(file))];
  }
}

/**
 * Each npm script chooses one project; `npm test -- FILE` and `npm run test:faults -- FILE` run single files. Without
 * `--project`, vitest refuses the different `maxWorkers` of the projects.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: Order },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/wire/*.test.ts'],
          setupFiles,
          // The program is loaded once per worker: once per file would take half of the time. So no test may leave
          // anything behind.
          isolate: false,
          // Most tests wait for servers in the same process, so this is more than vitest would choose on two cores.
          maxWorkers: 2,
          // Much more than any needs, so that a busy machine fails none.
          testTimeout: 1 * minutes,
          hookTimeout: 1 * minutes,
        },
      },
      {
        // The product runs a hundred times, which is too slow for `npm test`.
        test: {
          name: 'scenarios',
          include: ['test/scenarios/*.scenario.ts'],
          setupFiles,
          // Each file has its own sandbox; only the program itself is shared.
          isolate: false,
          maxWorkers: 2,
          testTimeout: 3 * minutes,
          hookTimeout: 3 * minutes,
        },
      },
      {
        // Runs that are disturbed at every possible point, and unit tests of many whole runs: they take minutes. Each point
        // takes a second or two, so the npm script raises `slowTestThreshold`: thousands of lines would hide the counts.
        // Vitest has that setting for all projects only.
        test: {
          name: 'faults',
          include: ['test/faults/**/*.faults.ts', 'test/unit/**/*.long.ts'],
          setupFiles,
          // As for the unit tests: to load the program for each file would take a sixth of the time.
          isolate: false,
          // More than one per core, because these runs also wait for retries and for answers that never come.
          maxWorkers: 3,
          // Limits the processes that are started to be killed.
          maxConcurrency: 2,
          testTimeout: 5 * minutes,
          hookTimeout: 10 * minutes,
        },
      },
      {
        // Measures the memory and requests of the mirror in a process of its own, with gigabytes of data.
        test: {
          name: 'bounds',
          include: ['test/bounds/*.bounds.ts'],
          setupFiles,
          // One measurement at a time.
          fileParallelism: false,
          testTimeout: 10 * minutes,
          hookTimeout: 1 * minutes,
        },
      },
      {
        // What users install.
        test: {
          name: 'packages',
          include: ['test/packages/*.test.ts'],
          globalSetup: ['test/packages/setup.ts'],
          testTimeout: 1 * minutes,
          hookTimeout: 5 * minutes,
        },
      },
      {
        // Needs a Docker engine (as root) and docker-registry.
        test: {
          name: 'real',
          include: ['test/contract/real/*.test.ts'],
          setupFiles,
          testTimeout: 2 * minutes,
          hookTimeout: 2 * minutes,
        },
      },
      {
        // The wire-level cases on the targets that `test/contract/wire/main.ts` chooses.
        test: {
          name: 'contract',
          include: ['test/contract/wire/real.contract.ts'],
          testTimeout: 1 * minutes,
          hookTimeout: 2 * minutes,
        },
      },
      {
        // Runs inside the lab (`lab exec`).
        test: {
          name: 'lab',
          include: ['test/lab/*.test.ts', 'test/scenarios/*.scenario.ts'],
          setupFiles: ['test/lab/failure-logs.ts'],
          fileParallelism: false,
          // The SDK's warning about old Node versions would hide the results.
          env: { SCENARIO_WORLD: 'lab', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
          testTimeout: 3 * minutes,
          hookTimeout: 3 * minutes,
        },
      },
    ],
  },
});
