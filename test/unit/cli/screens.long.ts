import stringWidth from 'fast-string-width';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Commands whose screens people read, in an order in which each has something to show. */
const lines = [
  'up --dry-run',
  'up --dry-run -v',
  'up --dry-run --diff',
  'status',
  'up --yes',
  'up --dry-run',
  'status',
  'status -v',
  'doctor',
  'images',
  'images -v',
  'images --missing',
  'images --outside',
  'mirror nginx:1.27 no/such:1 registry.k8s.io/pause:3.10',
  'mirror --dry-run',
  'config',
  'version',
  'explain operator-unhealthy',
  'rotate --dry-run',
  'rotate --force --dry-run',
  'down --dry-run',
  'down --dry-run --aws -v',
  'up --region nowhere --dry-run',
  'up --context no-such-context-in-this-kubeconfig --dry-run',
  'up --only no-such-step',
  'help',
  'help flags',
  'help environment',
  'up --help',
  'mirror --help',
];

/** A command to paste has a line of its own, however long it is. */
const isCommand = (line: string): boolean => /^\s*[`(]?(ecr-bootstrap|npx|kubectl|aws|docker) /.test(line);

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

describe.each([80, 120])('on a terminal of %i columns', (columns) => {
  it.each(lines)('ecr-bootstrap %s fits the width', async (line) => {
    const { stdout, stderr } = await cli.run(line, { columns });
    const wide = `${stdout}\n${stderr}`
      .split('\n')
      .filter((each) => stringWidth(each) > columns && !isCommand(each));
    expect(wide).toEqual([]);
    expect(stdout + stderr).not.toBe('');
  });
});

it.each([20, 500])('shows everything on a terminal of %i columns', async (columns) => {
  for (const line of ['up --dry-run', 'status', 'images', 'config', 'up --help', 'up --only nothing']) {
    const { code } = await cli.run(line, { columns });
    expect(code).not.toBe(70);
  }
});
