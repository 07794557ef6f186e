import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createAws } from '../../src/clients/aws/index.ts';
import { createNet } from '../../src/clients/net/index.ts';
import { ownVersion } from '../../src/core/paths.ts';
import { Secret } from '../../src/core/secret.ts';
import { type Program, run } from './program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

export interface Ended {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly output: string;
}

/** Packs the program as for a release, with executables for some platforms. */
export async function pack(folder: string, platforms: readonly string[]): Promise<void> {
  await execute('npm', ['run', '--silent', 'pack', '--', '--into', folder, ...platforms], { cwd: root });
}

/** The program as a user installs it, in its own folder. */
export class Installed {
  readonly folder: string;
  readonly program: string;

  private constructor(folder: string, program: string) {
    this.folder = folder;
    this.program = program;
  }

  /**
   * Installs the npm package with nothing else at hand: no registry and no cache.
   * @param packages the folder with the packages; without it, the npm package is packed first
   */
  static async fromNpm(packages?: string): Promise<Installed> {
    const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-installed-'));
    if (packages === undefined) await pack(folder, []);
    const tarball = join(packages ?? folder, `ecr-bootstrap-${ownVersion()}.tgz`);
    const alone = ['--offline', '--cache', join(folder, 'cache'), '--no-audit', '--no-fund'];
    await execute('npm', ['install', '--global', '--prefix', folder, ...alone, tarball]);
    return new Installed(folder, join(folder, 'bin/ecr-bootstrap'));
  }

  /** Installs the single executable as a user does who has neither Node nor root. */
  static async byScript(packages: string): Promise<Installed> {
    const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-installed-'));
    const env = { PATH: process.env['PATH'], PREFIX: folder, ECR_BOOTSTRAP_RELEASE: `file://${packages}` };
    await execute('sh', [join(packages, 'install.sh')], { env });
    return new Installed(folder, join(folder, 'bin/ecr-bootstrap'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts a sandbox that is separate from all others on this machine. */
  async sandbox(): Promise<RunningSandbox> {
    const runtime = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-runtime-'));
    const program = run(this.program, ['sandbox'], runtime, { XDG_RUNTIME_DIR: runtime });
    const state = join(runtime, `ecr-bootstrap-sandbox-${userInfo().uid}`, 'running.json');
    await program.until('ran', () => Promise.resolve(program.output().includes('The sandbox runs')));
    const { env } = JSON.parse(readFileSync(state, 'utf8')) as Pick<RunningSandbox, 'env'>;
    return new RunningSandbox(this.program, runtime, program, env);
  }
}

/** A sandbox in its own process. The installed program runs each command against it in another process. */
export class RunningSandbox {
  /** The environment that makes its AWS and its cluster reachable. */
  readonly env: Readonly<Record<string, string>>;
  readonly #program: string;
  readonly #runtime: string;
  readonly #running: Program;

  constructor(program: string, runtime: string, running: Program, env: Readonly<Record<string, string>>) {
    this.#program = program;
    this.#runtime = runtime;
    this.#running = running;
    this.env = env;
  }

  /** @param killAfter milliseconds after which the command gets SIGKILL if it is still running */
  async run(line: string, killAfter?: number): Promise<Ended> {
    const child = spawn(this.#program, ['sandbox', ...line.split(' ')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: join(this.#runtime, 'home'),
        XDG_RUNTIME_DIR: this.#runtime,
      },
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? undefined, output }));
    });
    if (killAfter !== undefined) {
      const first = await Promise.race([ended, delay(killAfter, 'still running' as const, { ref: false })]);
      if (first === 'still running') child.kill('SIGKILL');
    }
    return ended;
  }

  /** How many access keys of a user are enabled in AWS. */
  async activeKeys(user: string): Promise<number> {
    const { AWS_REGION: region = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = this.env;
    const net = createNet(readFileSync(this.env['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8'), this.env);
    const admin = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: new Secret(AWS_SECRET_ACCESS_KEY) };
    try {
      const keys = await createAws({ region, net }).as(admin).iam.accessKeys(user);
      return keys.filter((key) => key.active).length;
    } finally {
      await net.close();
    }
  }

  async close(): Promise<void> {
    await this.#running.stop();
    rmSync(this.#runtime, { recursive: true, force: true });
  }
}
