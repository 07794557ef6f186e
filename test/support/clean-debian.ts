import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Ended } from './installed.ts';

const execute = promisify(execFile);

const has = (command: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Why there can be no clean Debian here. Undefined if there can be one. */
export function noCleanDebian(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root';
  const missing = ['mmdebstrap', 'unshare'].find((command) => !has(command));
  return missing === undefined ? undefined : `needs ${missing}`;
}

/** The release of Debian that this machine runs, or else the stable one. */
function suite(): string {
  const release = readFileSync('/etc/os-release', 'utf8');
  return /^ID=debian$/m.test(release)
    ? (/^VERSION_CODENAME=(.+)$/m.exec(release)?.[1] ?? 'stable')
    : 'stable';
}

/** A folder with a new installation of Debian: its essential packages, apt, and the given ones. */
export class CleanDebian {
  readonly folder: string;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-debian-'));
  }

  static async create(packages: readonly string[]): Promise<CleanDebian> {
    const debian = new CleanDebian();
    const options = ['--quiet', '--variant=apt', '--aptopt=Acquire::Languages "none"'];
    const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
    await execute('mmdebstrap', [...options, ...include, suite(), debian.folder]);
    return debian;
  }

  async copy(): Promise<CleanDebian> {
    const debian = new CleanDebian();
    await execute('cp', ['-a', `${this.folder}/.`, debian.folder]);
    return debian;
  }

  /** Adds the Node and the npm that run this test, as an archive of nodejs.org would. */
  addNode(): void {
    const at = (path: string): string => join(this.folder, 'usr/local', path);
    cpSync(process.execPath, at('bin/node'));
    const npm = dirname(
      dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())),
    );
    cpSync(npm, at('lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
    execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', at('bin/npm')]);
  }

  /** Runs a shell script as root in it, and ends everything that the script started. */
  run(script: string): Promise<Ended> {
    const own = ['--fork', '--pid', '--kill-child', '--mount', `--root=${this.folder}`, '--mount-proc'];
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const child = spawn('unshare', [...own, 'sh', '-euc', `cd /root\n${script}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: path, HOME: '/root' },
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? undefined, output }));
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
