import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../../src/commands/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli()));
afterAll(() => cli.close());

describe('the command line', () => {
  it('prints its help when there are no arguments', async () => {
    const { code, stdout } = await cli.run([]);
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:');
  });

  it.each(['', ...commands.map(({ name }) => name)])(
    'prints help for the command "%s" that fits 80 columns',
    async (command) => {
      const { stdout } = await cli.run(`${command} --help`, { columns: 80 });
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );

  it.each([
    ['plan', 'up --dry-run'],
    ['diff', 'up --dry-run'],
    ['apply --auto-approve', 'up'],
    ['install', 'up'],
    ['check', 'status'],
    ['sync', 'up'],
    ['destroy', 'down'],
    ['uninstall', 'down'],
    ['update', 'up'],
  ])('suggests the right command for %s', async (line, name) => {
    const { code, stderr } = await cli.run(line);
    expect(code).toBe(2);
    expect(stderr).toContain(`It is called ecr-bootstrap ${name}.`);
  });

  it.each([
    ['statsu', 'Did you mean status?'],
    ['up --dryrun', 'Did you mean --dry-run?'],
    ['up --only operatr', 'Did you mean operator?'],
    ['up --skip image', 'Did you mean images?'],
    ['render operatr', 'Did you mean operator?'],
    ['up --only=', '--only selects no step'],
    ['up --only images --skip images', '--skip skips every step'],
    ['up --skip registration', 'could not skip the step registration'],
    [
      'up --only pull-secret-bootstrap',
      'the step pull-secret-bootstrap writes the access key into the cluster',
    ],
    ['status --only=', '--only selects no step'],
    ['help nothing', "unknown command 'nothing'"],
    ['policy everything', 'Allowed choices are first-run, power-user, image-puller, cluster.'],
    ['up --engine dokcer', 'Allowed choices are auto, registry, docker.'],
    ['up --timeout 5', 'Write it as 90s, 10m or 1h30m.'],
    ['mirror nginx:1.28 --yes', "unknown option '--yes'"],
    ['mirror a/b:1 --insecure-registry http://vm:5000', 'Write HOST or HOST:PORT'],
    ['mirror a/b:1 --insecure-registry vm:5000/', 'Write HOST or HOST:PORT'],
    ['sandbox --advance soon', 'Write it as 90s, 10m or 1h30m.'],
  ])('refuses %s and shows valid values', async (line, answer) => {
    const { code, stdout, stderr } = await cli.run(line);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(answer);
  });

  it.each(['statsu', 'up --dryrun', '-o json up --only nothing', 'plan'])(
    'reports the wrong usage %s as one JSON document with -o json',
    async (line) => {
      const { code, document, stderr } = await cli.json(line.replace('-o json ', ''));
      expect(code).toBe(2);
      expect(document).toMatchObject({ schemaVersion: 1, ok: false, error: { code: 'usage' } });
      expect(stderr).toBe('');
    },
  );

  it('suggests no step for a word that is not close to any', async () => {
    const { stderr } = await cli.run('up --only foo');
    expect(stderr).toContain('The steps are: power-user,');
    expect(stderr).not.toContain('Did you mean');
  });

  it('sends no request when the command line is wrong', async () => {
    await cli.run('up --only nothing');
    expect(cli.world.faults.calls).toEqual([]);
  });

  it.each(['policy first-run', 'policy power-user', 'policy image-puller', 'policy cluster', 'config'])(
    'runs %s without sending a request',
    async (line) => {
      const { code, document } = await cli.json(line);
      expect(code).toBe(0);
      expect(document.ok).toBe(true);
      expect(cli.world.faults.calls).toEqual([]);
    },
  );

  it('prints the whole configuration and its missing or wrong values', async () => {
    const { code, stdout, stderr } = await cli.run('config --region nowhere', {
      env: { ECR_BOOTSTRAP_PROJECT: undefined },
    });
    expect(code).toBe(2);
    expect(stdout).toMatch(/^pullSecret\.name +\(default\) +"puller"$/m);
    expect(stdout).toMatch(/^project +\(not set\) +✗ is missing$/m);
    expect(stdout).toMatch(/^aws\.region +\(--region\) +"nowhere" ✗ "nowhere" is not a region/m);
    expect(stderr).toContain('why: project is missing');
    expect(stderr).toContain('why: --region "nowhere" is not a region');
  });
});
