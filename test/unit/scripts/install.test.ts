import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shells } from '../../support/node-scripts.ts';

const script = new URL('../../../install.sh', import.meta.url);
const tools = ['tar', 'gzip', 'sha256sum', 'mktemp', 'mkdir', 'rm', 'mv', 'sed', 'sh', 'cat', 'grep'];

const find = (tool: string): string =>
  spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();

describe.runIf(process.platform === 'linux' && find('curl') !== '')('install.sh', () => {
  let folder: string;
  let server: Server;
  let requests: string[];
  const at = (name: string): string => join(folder, name);
  const program = (): string => at('home/.local/bin/ecr-bootstrap');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'install-'));
    for (const name of ['release', 'home', 'tools']) mkdirSync(at(name));
    for (const tool of [...tools, 'curl']) symlinkSync(find(tool), at(`tools/${tool}`));
    // The machine may be another, and these tests may run as root.
    command('uname', 'if [ "$1" = -s ]; then echo Linux; else echo x86_64; fi');
    command('id', 'echo 1000');
    release('echo 2.0.0');
    requests = [];
    server = createServer((request, response) => {
      const path = request.url ?? '';
      requests.push(path);
      if (existsSync(at(`release${path}`))) response.end(readFileSync(at(`release${path}`)));
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** Puts a command into the PATH of the script. */
  function command(name: string, body: string): void {
    writeFileSync(at(`tools/${name}`), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** Makes a release whose program is a shell script. */
  function release(body: string, platform = 'linux-x64'): void {
    writeFileSync(at('ecr-bootstrap'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const archive = `ecr-bootstrap-${platform}.tar.gz`;
    execFileSync('tar', ['-czf', at(`release/${archive}`), '-C', folder, 'ecr-bootstrap']);
    const checksum = createHash('sha256')
      .update(readFileSync(at(`release/${archive}`)))
      .digest('hex');
    writeFileSync(at('release/SHA256SUMS'), `${'0'.repeat(64)}  other.tgz\n${checksum}  ${archive}\n`);
  }

  function installOlder(): void {
    mkdirSync(at('home/.local/bin'), { recursive: true });
    writeFileSync(program(), '#!/bin/sh\necho 1.0.0\n', { mode: 0o755 });
  }

  interface Result {
    readonly code: number;
    readonly output: string;
  }

  function install(
    env: Readonly<Record<string, string>> = {},
    shell: readonly string[] = ['sh'],
    text = readFileSync(script, 'utf8'),
  ): Promise<Result> {
    const { port } = server.address() as AddressInfo;
    const [name = '', ...args] = shell;
    const defaults = {
      PATH: at('tools'),
      HOME: at('home'),
      PREFIX: at('home/.local'),
      ECR_BOOTSTRAP_RELEASE: `http://127.0.0.1:${port}`,
    };
    return new Promise((resolve) => {
      const options = { env: { ...defaults, ...env } };
      const running = execFile(find(name), args, options, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, output: stdout + stderr });
      });
      // As in `curl ... | sh`. A script that is cut off may not be read to its end.
      running.stdin?.on('error', () => undefined).end(text);
    });
  }

  const version = (): string => execFileSync(program(), { encoding: 'utf8' }).trim();
  const installedFiles = (): string[] => readdirSync(at('home/.local/bin'));

  it.each(shells.map((shell) => [shell.join(' '), shell] as const))(
    'replaces an older version and leaves nothing else behind, in %s',
    async (_, shell) => {
      installOlder();
      const { code, output } = await install({}, shell);
      expect({ code, output }).toEqual({
        code: 0,
        output:
          `ecr-bootstrap 2.0.0 is installed as ${program()}\n` +
          `  fix: add it to PATH: export PATH="${at('home/.local/bin')}:$PATH"\n`,
      });
      expect(version()).toBe('2.0.0');
      expect(installedFiles()).toEqual(['ecr-bootstrap']);
    },
  );

  it('installs into the home folder of a user who is not root', async () => {
    expect((await install({ PREFIX: '' })).output).toContain(`is installed as ${program()}\n`);
  });

  it('installs below PREFIX, and mentions PATH only if the folder is not in it', async () => {
    const { output } = await install({ PREFIX: at('opt'), PATH: `${at('tools')}:${at('opt/bin')}` });
    expect(output).toBe(`ecr-bootstrap 2.0.0 is installed as ${at('opt/bin/ecr-bootstrap')}\n`);
    expect(readdirSync(at('opt/bin'))).toEqual(['ecr-bootstrap']);
  });

  it('keeps the older version when the checksum does not match', async () => {
    installOlder();
    writeFileSync(at('release/SHA256SUMS'), `${'0'.repeat(64)}  ecr-bootstrap-linux-x64.tar.gz\n`);
    const { code, output } = await install();
    expect({ code, output }).toMatchObject({
      code: 1,
      output: expect.stringContaining('does not match') as string,
    });
    expect(version()).toBe('1.0.0');
    expect(installedFiles()).toEqual(['ecr-bootstrap']);
  });

  it('keeps the older version when the new one does not run on this machine', async () => {
    installOlder();
    release('echo "error while loading shared libraries: libstdc++.so.6" >&2; exit 127');
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('libstdc++.so.6');
    expect(output).toContain('error: the program does not run on this machine: nothing was installed');
    expect(output).toContain('fix: Install libstdc++, on Debian with: apt-get install libstdc++6\n');
    expect(version()).toBe('1.0.0');
    expect(installedFiles()).toEqual(['ecr-bootstrap']);
  });

  it('names npm as the way out when the machine cannot run the program for another reason', async () => {
    release('echo "Illegal instruction" >&2; exit 132');
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('Illegal instruction\nerror: the program does not run on this machine');
    expect(output).toContain('npm install --global ecr-bootstrap\n');
    expect(installedFiles()).toEqual([]);
  });

  it('refuses an archive that SHA256SUMS does not list', async () => {
    writeFileSync(at('release/SHA256SUMS'), `${'0'.repeat(64)}  other.tgz\n`);
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toMatch(/error: could not find ecr-bootstrap-linux-x64.tar.gz in .*SHA256SUMS/);
    expect(installedFiles()).toEqual([]);
  });

  it('reports a download that fails', async () => {
    rmSync(at('release/ecr-bootstrap-linux-x64.tar.gz'));
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toMatch(/error: could not download http.*linux-x64.tar.gz/);
    expect(installedFiles()).toEqual([]);
  });

  it('asks for PREFIX when it cannot write to the home folder', async () => {
    const { code, output } = await install({ PREFIX: '', HOME: '/dev/null' });
    expect({ code, output }).toEqual({
      code: 1,
      output:
        'error: could not write to /dev/null/.local/bin\n  fix: Set PREFIX to a folder that you can write.\n',
    });
    expect(requests).toEqual([]);
  });

  it.runIf(find('wget') !== '')('downloads by wget when curl is missing', async () => {
    rmSync(at('tools/curl'));
    symlinkSync(find('wget'), at('tools/wget'));
    expect((await install()).code).toBe(0);
    expect(version()).toBe('2.0.0');
  });

  it('reports that curl and wget are missing', async () => {
    rmSync(at('tools/curl'));
    const { code, output } = await install();
    expect({ code, output }).toEqual({
      code: 1,
      output: 'error: could not find curl or wget\n  fix: Install one of them.\n',
    });
  });

  it.each(['aarch64', 'arm64'])('installs the executable for arm64 on %s', async (machine) => {
    command('uname', `if [ "$1" = -s ]; then echo Linux; else echo ${machine}; fi`);
    release('echo 2.0.0', 'linux-arm64');
    expect((await install()).code).toBe(0);
    expect(requests).toEqual(['/SHA256SUMS', '/ecr-bootstrap-linux-arm64.tar.gz']);
  });

  it('points to npm on other platforms', async () => {
    command('uname', 'if [ "$1" = -s ]; then echo Darwin; else echo arm64; fi');
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('error: no single executable is built for Darwin on arm64');
    expect(output).toContain('npm install --global ecr-bootstrap');
    expect(requests).toEqual([]);
  });

  it('does nothing outside of a release', async () => {
    const { code, output } = await install({ ECR_BOOTSTRAP_RELEASE: '' });
    expect(code).toBe(1);
    expect(output).toContain('error: this copy of install.sh does not belong to a release');
  });

  it('does nothing when the download of the script itself is cut off', async () => {
    const text = readFileSync(script, 'utf8');
    for (const part of [0.3, 0.6, 0.9, 0.99]) await install({}, ['sh'], text.slice(0, text.length * part));
    expect(requests).toEqual([]);
    expect(readdirSync(at('home'))).toEqual([]);
  });
});
