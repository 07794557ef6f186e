import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownVersion } from '../../src/core/paths.ts';
import { Installed } from '../support/installed.ts';

const execute = promisify(execFile);

describe.each([['the npm package', () => Installed.fromNpm()]] as const)('%s', (_, install) => {
  let installed: Installed;
  beforeAll(async () => {
    installed = await install();
  });
  afterAll(() => installed.remove());

  it('prints its version and completion scripts', async () => {
    expect((await execute(installed.program, ['--version'])).stdout).toBe(`${ownVersion()}\n`);
    expect((await execute(installed.program, ['completion', 'bash'])).stdout).toContain('ecr-bootstrap');
  });

  it('mirrors an image into a sandbox, configures it, and reports it as healthy', async () => {
    const sandbox = await installed.sandbox();
    try {
      for (const line of ['mirror nginx:1.27', 'up --yes', 'status']) {
        const { code, output } = await sandbox.run(line);
        expect(code, `${line}: ${output}`).toBe(0);
      }
    } finally {
      await sandbox.close();
    }
  });
});
