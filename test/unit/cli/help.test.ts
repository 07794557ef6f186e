import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environment } from '../../../src/commands/help/environment.ts';
import { Layout } from '../../../src/output/layout.ts';
import { topicText } from '../../../src/commands/help/topic.ts';
import { commands } from '../../../src/commands/index.ts';
import { helpTopics } from '../../../src/commands/help/topics.ts';
import { createProgram } from '../../../src/commands/program.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli()));
afterAll(() => cli.close());

const program = { commands, main: () => Promise.resolve(0), run: () => Promise.resolve() };
const root = createProgram(program, new PassThrough());

describe('help', () => {
  it('fits a terminal of 80 columns and 24 lines, with examples first and every command named', async () => {
    const { code, stdout } = await cli.run('help', { columns: 80 });
    const lines = stdout.split('\n');
    expect(code).toBe(0);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(stdout.indexOf('Examples:')).toBeLessThan(stdout.indexOf('Commands:'));
    for (const { name } of commands) expect(stdout).toMatch(new RegExp(`(^ {2}|[:,] )${name}\\b`, 'm'));
    for (const { name } of helpTopics(root)) expect(stdout).toContain(name);
  });

  it.each(helpTopics(root).map(({ name }) => name))('prints the topic %s in 80 columns', async (name) => {
    const { code, stdout } = await cli.run(`help ${name}`, { columns: 80 });
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).not.toContain('**');
    expect(stdout).not.toContain('](');
  });

  it.each([
    ...commands.map(({ name }) => `${name} --help`),
    ...helpTopics(root).map(({ name }) => `help ${name}`),
    'help',
  ])('is plain ASCII in `%s`, which every locale shows, and fits 80 columns', async (line) => {
    const { stdout } = await cli.run(line, { columns: 80 });
    expect(stdout).toMatch(/^[\x20-\x7e\n]+$/);
    // Examples are commands to paste.
    expect(stdout.split('\n').filter((text) => text.length > 80 && !text.startsWith('  ecr-'))).toEqual([]);
  });

  it('lists every global flag in the topic flags, and in no help of a command', async () => {
    const { stdout: flags } = await cli.run('help flags');
    const { stdout: up } = await cli.run('up --help');
    for (const { long } of root.options) {
      const listed = new RegExp(`^ *(-\\w, )?${long ?? ''}\\b`, 'm');
      expect(flags).toMatch(listed);
      expect(up).not.toMatch(listed);
    }
    expect(up).toContain('Global flags: ecr-bootstrap help flags');
  });

  it('wraps a topic at the width of the terminal', () => {
    const lines = (width: number): string[] => topicText(environment, new Layout({ width })).split('\n');
    for (const width of [42, 60, 120])
      expect(Math.max(...lines(width).map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines(60).length).toBeGreaterThan(lines(120).length);
  });

  it('suggests a topic or a command for a word that is close to one', async () => {
    expect((await cli.run('help exit-code')).stderr).toContain('Did you mean exit-codes?');
    expect((await cli.run('help statsu')).stderr).toContain('Did you mean status?');
  });
});

describe('explain', () => {
  it('prints the meaning and the fix of an error, with its exit code', async () => {
    const { code, stdout } = await cli.run('explain locked');
    expect(code).toBe(0);
    expect(stdout).toContain('locked (error, exit code 2)');
    expect(stdout).toContain('Another run holds the lease on this cluster.');
    expect(stdout).toContain('fix: Wait for that run to end');
  });

  it('accepts the brackets in which codes are shown, and gives links as pages', async () => {
    const { stdout } = await cli.run('explain [unmanaged]');
    expect(stdout).toContain('unmanaged (error, exit code 2; finding, failed)');
    expect(stdout).toMatch(/Adopt\s+the\s+resource\s+\(docs\/tasks\/adopt-resources\.md\)/);
  });

  it('has the same facts in its JSON document', async () => {
    const { document } = await cli.json('explain key-old');
    expect(document['explanation']).toMatchObject({ code: 'key-old', level: 'warning' });
    expect(document['explanation']).not.toHaveProperty('exitCode');
  });

  it.each([
    ['key-olt', 'Did you mean key-old?'],
    ['zzzzzzzzzzzz', 'Give a code as the program shows it'],
    ['toString', 'no error and no finding has this code'],
  ])('refuses the unknown code %s', async (given, answer) => {
    const { code, stderr } = await cli.run(`explain ${given}`);
    expect(code).toBe(2);
    expect(stderr).toContain(answer);
  });
});

describe('version', () => {
  it('prints the versions of the program, Node.js and the cluster', async () => {
    const { code, stdout } = await cli.run('version');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ecr-bootstrap +\d+\.\d+\.\d+/m);
    expect(stdout).toContain(`${process.versions.node} (${process.platform}/${process.arch})`);
    expect(stdout).toMatch(/^Kubernetes +v1\.\d+\.\d+ \(context /m);
    expect(stdout).toMatch(/^External Secrets +not installed$/m);
  });

  it('also succeeds without a cluster and with a wrong configuration', async () => {
    const { code, document } = await cli.json('version --kubeconfig /nowhere --region nowhere');
    expect(code).toBe(0);
    expect(document['version']).toMatchObject({
      node: process.versions.node,
      singleFile: false,
      cluster: { problem: expect.stringContaining('kubeconfig') as string },
    });
  });

  it('names the version of Kubernetes when the operator cannot be read', async () => {
    const undo = cli.world.faults.plan({ kind: 'deny', operation: 'get deployments' });
    const { code, stdout } = await cli.run('version');
    undo();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Kubernetes +v1\.\d+\.\d+ /m);
    expect(stdout).toMatch(/^External Secrets +unknown: could not get Deployment /m);
  });
});
