import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shell, shells } from '../../../src/commands/completion/words.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { canTypeInto, isInstalled, offeredByFish, typeInto } from '../../support/shells.ts';

const arn = 'arn:aws:eks:eu-west-1:123456789012:cluster/prod';
/** The last name would create a file if a shell evaluated it. */
const contexts = [arn, 'dev cluster', '$(touch evaluated)'];

/** What is typed before the tab key, and the arguments of the command that then runs. */
const unique: readonly (readonly [typed: string, args: readonly string[]])[] = [
  ['sta', ['status']],
  ['-o json sta', ['-o', 'json', 'status']],
  ['--project up sta', ['--project', 'up', 'status']],
  ['status -o j', ['status', '-o', 'json']],
  ['--account', ['--account-id']],
  ['up --only operator-c', ['up', '--only', 'operator-crds']],
  ['up --only images,operator-c', ['up', '--only', 'images,operator-crds']],
  ['policy im', ['policy', 'image-puller']],
  ['-c comple', ['-c', 'completed.yaml']],
  ['--config with', ['--config', 'with space.yaml']],
  ['mirror --failed-to comple', ['mirror', '--failed-to', 'completed.yaml']],
  ['render --manifest comple', ['render', '--manifest', 'completed.yaml']],
  ['render node-a', ['render', 'node-access']],
  ['mirror --engine=reg', ['mirror', '--engine=registry']],
  ['mirror --from oc', ['mirror', '--from', 'oci:']],
  ['mirror --to oci:lay', ['mirror', '--to', 'oci:layout']],
  ['up --from=oci:lay', ['up', '--from=oci:layout']],
  ['explain key-ol', ['explain', 'key-old']],
  ['help exit', ['help', 'exit-codes']],
  ['completion inst', ['completion', 'install']],
  ['why dep', ['why', 'deployment/']],
  ['sandbox stat', ['sandbox', 'status']],
  ['sandbox --adv', ['sandbox', '--advance']],
  ['sandbox up --dry', ['sandbox', 'up', '--dry-run']],
  ['up --context ar', ['up', '--context', arn]],
  ['up --context=arn:aws:e', ['up', `--context=${arn}`]],
  ['up --context dev', ['up', '--context', 'dev cluster']],
];

let cli: Cli;
beforeAll(async () => {
  cli = await openCli();
  for (const name of ['completed.yaml', 'with space.yaml']) writeFileSync(join(cli.folder, name), '');
  mkdirSync(join(cli.folder, 'layout'));
  writeFileSync(join(cli.folder, 'layout.txt'), '');
});
afterAll(() => cli.close());

/** A stub that prints its arguments, and the contexts when the script asks for them. */
const stub = `ecr-bootstrap() {
  if [ "$2" = contexts ]; then printf '%s\\n' ${contexts.map((name) => `'${name}'`).join(' ')}
  else printf '<%s>' "$@"; echo; fi
}`;

/**
 * Types the arguments of commands, each with the tab key at the end. Returns the screen.
 * @param settings commands that configure the shell
 */
async function complete(shell: 'bash' | 'zsh', lines: readonly string[], settings = ''): Promise<string> {
  const { stdout: script } = await cli.run(`completion ${shell}`);
  const own = shell === 'zsh' ? 'autoload -Uz compinit && compinit -u' : settings;
  const start = `${stub}\n${own}\n${script}`;
  return typeInto(
    shell,
    cli.folder,
    start,
    lines.map((line) => `ecr-bootstrap ${line}\t`),
  );
}

/** Without the slash of a folder at the end, which zsh removes and other shells keep. */
const withoutSlash = (word: string): string => word.replace(/(oci:.*)\/$/, '$1');

/** The arguments of every command that ran, in order. */
const ranWith = (screen: string): string[][] =>
  [...screen.matchAll(/^(?:<[^<>\r\n]*>)+\r?$/gm)].map(([line]) =>
    [...line.matchAll(/<([^<>]*)>/g)].map(([, arg = '']) => withoutSlash(arg)),
  );

describe.each(['bash', 'zsh'] as const)('completion in %s', (shell) => {
  // Install the shell to run these tests, for example with `apt-get install zsh`.
  const inShell = it.skipIf(!canTypeInto(shell));

  inShell(
    'completes every kind of word',
    async () => {
      expect(
        ranWith(
          await complete(
            shell,
            unique.map(([typed]) => typed),
          ),
        ),
      ).toEqual(unique.map(([, args]) => args));
    },
    40_000,
  );

  inShell(
    'lists steps and commands with what they do',
    async () => {
      const screen = await complete(shell, ['up --only pull-secret-\t', 'r\t']);
      expect(screen).toMatch(/pull-secret-refresh +(-- )?pull secret renewal/);
      expect(screen).toMatch(/rotate +(-- )?replace the access key/);
    },
    40_000,
  );

  inShell(
    'adds no space after the slash of a type, so that a name can follow',
    async () => {
      expect(ranWith(await complete(shell, ['why dep\tweb']))).toEqual([['why', 'deployment/web']]);
    },
    40_000,
  );

  inShell(
    'never evaluates a name of the kubeconfig',
    async () => {
      const screen = await complete(shell, ['--context \t']);
      expect(screen).toContain('dev');
      expect(existsSync(join(cli.folder, 'evaluated'))).toBe(false);
    },
    40_000,
  );
});

describe('completion in bash', () => {
  it.skipIf(!canTypeInto('bash')).each([
    ['lists at once', 'set show-all-if-ambiguous on', 'ref', 'refresh'],
    ['cycles through the words', 'TAB: menu-complete', '', 'distribution'],
  ])('inserts words without their titles where it %s', async (_, setting, typed, word) => {
    const screen = await complete('bash', [`up --only pull-secret-\t${typed}`], `bind '${setting}'`);
    expect(ranWith(screen)).toEqual([['up', '--only', `pull-secret-${word}`]]);
  });
});

describe('completion in zsh', () => {
  it.skipIf(!isInstalled('zsh'))('works as a file of fpath', async () => {
    const { stdout } = await cli.run('completion zsh');
    const folder = join(cli.folder, 'site-functions');
    mkdirSync(folder);
    writeFileSync(join(folder, '_ecr-bootstrap'), stdout);
    const lines = `fpath=(${folder} $fpath); autoload -Uz compinit && compinit -D -u; print $_comps[ecr-bootstrap]`;
    const { stdout: found } = spawnSync('zsh', ['-f', '-c', lines], { encoding: 'utf8' });
    expect(found.trim()).toBe('_ecr-bootstrap');
  });
});

describe('completion in fish', () => {
  /** The candidates after this line, each with its explanation. */
  async function offered(line: string): Promise<string[]> {
    const { stdout: script } = await cli.run('completion fish');
    const names = contexts.map((name) => `'${name}'`).join(' ');
    const own = `function ecr-bootstrap; printf '%s\\n' ${names}; end`;
    return offeredByFish(cli.folder, `${own}\n${script}`, `ecr-bootstrap ${line}`);
  }

  it.skipIf(!isInstalled('fish'))(
    'completes every kind of word',
    async () => {
      for (const [typed, args] of unique) {
        const words = (await offered(typed)).map((candidate) => withoutSlash(candidate.replace(/\t.*$/, '')));
        expect(words, typed).toEqual([args.at(-1)]);
      }
    },
    60_000,
  );

  it.skipIf(!isInstalled('fish'))(
    'lists steps with their titles, and no files for other values',
    async () => {
      expect(await offered('up --only images,operator-c')).toEqual([
        'images,operator-crds\tExternal Secrets Operator CRDs',
      ]);
      expect(await offered('up --region comple')).toEqual([]);
      expect(existsSync(join(cli.folder, 'evaluated'))).toBe(false);
    },
  );
});

describe('completion install', () => {
  const files: Readonly<Record<Shell, string>> = {
    bash: '.local/share/bash-completion/completions/ecr-bootstrap',
    zsh: '.local/share/zsh/site-functions/_ecr-bootstrap',
    fish: '.config/fish/completions/ecr-bootstrap.fish',
  };
  const readShellFile = (name: string): string => readFileSync(join(cli.folder, name), 'utf8');

  it.each(shells)('writes the script of %s to its folder, again and again', async (shell) => {
    for (const SHELL of [`/usr/bin/${shell}`, `/opt/${shell}`]) {
      const { code, stdout, stderr } = await cli.run('completion install', { env: { SHELL } });
      expect(code, stderr).toBe(0);
      expect(stdout).toContain(`Wrote ${join(cli.folder, files[shell])}.\nNext: `);
    }
    expect(readShellFile(files[shell])).toBe((await cli.run(`completion ${shell}`)).stdout);
  });

  it('uses the folders of XDG and bash-completion, unless they are relative', async () => {
    const install = async (name: string, env: Record<string, string>) =>
      (await cli.run(`completion install ${name}`, { env })).stdout;
    const at = (name: string): string => join(cli.folder, name);
    expect(await install('zsh', { XDG_DATA_HOME: at('data') })).toContain(at('data/zsh/site-functions/_ecr'));
    expect(await install('fish', { XDG_CONFIG_HOME: at('conf') })).toContain(at('conf/fish/completions/ecr'));
    expect(await install('bash', { BASH_COMPLETION_USER_DIR: at('bc') })).toContain(at('bc/completions/ecr'));
    expect(await install('zsh', { XDG_DATA_HOME: 'data' })).toContain(at(files.zsh));
  });

  it('keeps a file that another program or user wrote', async () => {
    const folder = join(cli.folder, 'others');
    const path = join(folder, 'fish/completions/ecr-bootstrap.fish');
    mkdirSync(join(folder, 'fish/completions'), { recursive: true });
    writeFileSync(path, '# mine\n');
    const { code, stderr } = await cli.run('completion install fish', { env: { XDG_CONFIG_HOME: folder } });
    expect(code).toBe(2);
    expect(stderr).toContain('[file-exists]');
    expect(stderr).toContain('fix: Write it to another file: ecr-bootstrap completion fish > FILE');
    expect(readFileSync(path, 'utf8')).toBe('# mine\n');
  });

  it.skipIf(process.geteuid?.() !== 0)('refuses a folder of another user', async () => {
    const folder = join(cli.folder, 'of-another-user');
    mkdirSync(folder);
    chownSync(folder, 12_345, 12_345);
    const { code, stderr } = await cli.run('completion install fish', { env: { XDG_CONFIG_HOME: folder } });
    expect(code).toBe(2);
    expect(stderr).toContain(`${folder} belongs to another user`);
    expect(existsSync(join(folder, 'fish'))).toBe(false);
  });

  it('refuses a folder that cannot be written, and a shell that it does not know', async () => {
    const blocked = join(cli.folder, 'blocked');
    writeFileSync(blocked, '');
    const unwritable = await cli.run('completion install zsh', { env: { XDG_DATA_HOME: blocked } });
    expect(unwritable.code).toBe(2);
    expect(unwritable.stderr).toContain('[file-unwritable]');
    const unknown = await cli.run('completion install', { env: { SHELL: '/bin/tcsh' } });
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('SHELL is tcsh');
    expect((await cli.run('completion instal')).stderr).toContain('Did you mean install?');
    expect((await cli.run('completion bash zsh')).code).toBe(2);
  });
});

describe('the lists that completion asks for', () => {
  it('are the contexts of the kubeconfig, and the profiles of the AWS files', async () => {
    expect((await cli.run('completion contexts')).stdout).toBe('kubernetes-admin@sandbox\n');
    const file = join(cli.folder, 'aws-config');
    writeFileSync(file, '[default]\nregion = eu-west-1\n[profile prod]\nregion = eu-west-1\n');
    const { stdout } = await cli.run('completion profiles', { env: { AWS_CONFIG_FILE: file } });
    expect(stdout.trim().split('\n').sort()).toEqual(['default', 'prod']);
  });
});
