import { defineConfig } from 'vitest/config';

import { root } from './paths.ts';

/** Runs inside the lab (`lab exec`), one file after another: there is one cluster and one account. */
export default defineConfig({
  root,
  test: {
    include: ['test/lab/*.test.ts', 'test/scenarios/*.scenario.ts'],
    fileParallelism: false,
    // The SDK's remark on old Node versions is not what a reader of results looks for.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
