import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { takeSelection } from '../../lab/selection.ts';

describe('the versions of a lab', () => {
  it('are taken from the arguments, and other arguments are kept in their order', () => {
    const args = ['--kubernetes', '1.34.4', '--reporter=default', '--external-secrets=0.16.2', 'rotation'];
    expect(takeSelection(args)).toEqual({
      selected: { kubernetes: '1.34.4', otherOperator: '0.16.2' },
      rest: ['--reporter=default', 'rotation'],
    });
  });

  it('can have names, and the default selects nothing', () => {
    const versionOf = (name: string) => takeSelection(['--kubernetes', name]).selected.kubernetes;
    expect(versionOf('oldest')).toMatch(/^1\.31\.\d+$/);
    expect(takeSelection(['--external-secrets', 'newest']).selected.otherOperator).toMatch(/^\d+\.\d+\.\d+$/);
    expect(takeSelection(['--kubernetes', 'default'])).toEqual({ selected: {}, rest: [] });
  });

  it.each([
    ['a version that is missing', ['--kubernetes']],
    ['an unknown name', ['--kubernetes', 'latest']],
    ['a name of another part', ['--external-secrets', 'oldest']],
    ['a minor version', ['--kubernetes=1.31']],
  ])('are refused with %s', (_, args) => {
    expect(() => takeSelection(args)).toThrow(/needs a version such as 1\.31\.14, or one of: /);
  });

  it('are those of the parts that the lab looks for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lab-'));
    const env = { ...process.env, ECR_BOOTSTRAP_LAB_CACHE: folder, ECR_BOOTSTRAP_LAB_STATE: folder };
    const selected = ['--kubernetes', '1.99.9', '--external-secrets', '0.99.9'];
    const args = ['--import', 'tsx', 'test/lab/lab.ts', 'up', ...selected];
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(stderr).toMatch(/: kubernetes 1\.99\.9, .*, external-secrets 0\.99\.9 not built/);
    expect(status).toBe(1);
  });
});
