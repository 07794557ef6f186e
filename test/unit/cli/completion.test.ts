import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
let script: string;
beforeAll(async () => {
  cli = await openCli();
  ({ stdout: script } = await cli.run('completion bash'));
  writeFileSync(join(cli.folder, 'completed.yaml'), '');
});
afterAll(() => cli.close());

/** The words that bash suggests after this line. */
function offered(line: string): string[] {
  const words = ['ecr-bootstrap', ...line.split(' ')];
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ecr_bootstrap; printf "%s\\n" "${COMPREPLY[@]}"';
  const output = execFileSync('bash', ['--norc', '-c', `${script}\n${ask}`, 'bash', ...words], {
    encoding: 'utf8',
    cwd: cli.folder,
  });
  return output.split('\n').filter(Boolean);
}

describe('completion in bash', () => {
  it.each([
    ['st', ['status']],
    ['-o json sta', ['status']],
    ['-o j', ['json']],
    ['--pro', ['--project', '--profile']],
    ['up --only operator-', ['operator-image', 'operator-crds']],
    ['up --only images,operator-', ['images,operator-image', 'images,operator-crds']],
    ['status --only images,registration,rep', ['images,registration,repositories']],
    ['policy im', ['image-puller']],
    ['-c completed', ['completed.yaml']],
    ['mirror --failed-to completed', ['completed.yaml']],
    ['render --manifest completed', ['completed.yaml']],
    ['mirror completed', []],
    ['sandbox stat', ['status']],
    ['sandbox up --dry', ['--dry-run']],
  ])('completes "%s"', (line, words) => {
    expect(offered(line)).toEqual(words);
  });
});

describe('completion in fish', () => {
  /** The line that describes a flag for fish. */
  const lineOf = (fish: string, flag: string): string =>
    fish.split('\n').find((line) => line.includes(` -l ${flag} `)) ?? '';

  it('suggests files only for the flags that take one', async () => {
    const { stdout: fish } = await cli.run('completion fish');
    for (const flag of ['kubeconfig', 'config', 'from-file', 'manifest', 'failed-to'])
      expect(lineOf(fish, flag)).toMatch(/ -r -F -d /);
    for (const flag of ['project', 'region', 'output', 'engine', 'only', 'platform'])
      expect(lineOf(fish, flag)).toMatch(/ -x /);
  });

  it('continues after a comma where a flag takes a list', async () => {
    const { stdout: fish } = await cli.run('completion fish');
    expect(lineOf(fish, 'only')).toContain('__fish_complete_list ,');
    expect(lineOf(fish, 'engine')).toContain("-a 'auto registry docker'");
  });
});
