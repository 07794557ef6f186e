import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
let script: string;
beforeAll(async () => {
  cli = await openCli();
  ({ stdout: script } = await cli.run('completion bash'));
});
afterAll(() => cli.close());

/** What bash offers after this line. */
function offered(line: string): string[] {
  const words = ['ecr-bootstrap', ...line.split(' ')];
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ecr_bootstrap; printf "%s\\n" "${COMPREPLY[@]}"';
  const output = execFileSync('bash', ['--norc', '-c', `${script}\n${ask}`, 'bash', ...words], {
    encoding: 'utf8',
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
    ['policy im', ['image-puller']],
    ['sandbox stat', ['status']],
    ['sandbox up --dry', ['--dry-run']],
  ])('of "%s"', (line, words) => {
    expect(offered(line)).toEqual(words);
  });
});
