import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

import { root } from './paths.ts';

/** Scenarios follow one another by their numbers: the first wants an empty site, the others any. */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId));
  }
}

/** Runs inside the lab (`lab exec`), one file after another: there is one cluster and one account. */
export default defineConfig({
  root,
  test: {
    include: ['test/lab/*.test.ts', 'test/scenarios/*.scenario.ts'],
    setupFiles: ['test/lab/failure-logs.ts'],
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    // The SDK's remark on old Node versions is not what a reader of results looks for.
    env: { SCENARIO_WORLD: 'lab', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
