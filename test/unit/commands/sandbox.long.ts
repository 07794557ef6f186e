import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { main } from '../../../src/main.ts';

let runtime: string;
let shared: string;
let before: NodeJS.ProcessEnv;

beforeEach(() => {
  before = { ...process.env };
  runtime = mkdtempSync(join(tmpdir(), 'sandbox-'));
  shared = join(runtime, `ecr-bootstrap-sandbox-${userInfo().uid}`);
  process.env['XDG_RUNTIME_DIR'] = runtime;
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  rmSync(runtime, { recursive: true, force: true });
});

interface Started {
  readonly ended: Promise<number>;
  readonly output: () => string;
  stop(): Promise<number>;
}

function start(line: string): Started {
  let output = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output += chunk.toString();
      done();
    },
  });
  const abort = new AbortController();
  const ended = main(line.split(' '), {
    cwd: runtime,
    env: {},
    streams: { stdin: Readable.from([]), stdout: stream, stderr: stream },
    clock: systemClock,
    signal: abort.signal,
  });
  const stop = (): Promise<number> => {
    abort.abort();
    return ended;
  };
  return { ended, output: () => output, stop };
}

/** Waits until one of them runs. */
async function untilRunning(...started: Started[]): Promise<Started> {
  for (;;) {
    const found = started.find(({ output }) => output().includes('The sandbox runs until'));
    if (found) return found;
    await systemClock.sleep(10, new AbortController().signal);
  }
}

interface State {
  readonly folder: string;
  readonly env: { readonly KUBECONFIG: string; readonly HTTPS_PROXY: string };
}
const state = (): State => JSON.parse(readFileSync(join(shared, 'running.json'), 'utf8')) as State;

describe('a running sandbox', () => {
  it('serves commands in other terminals, and removes all its files when it ends', async () => {
    const sandbox = start('sandbox');
    await untilRunning(sandbox);
    expect(await start('sandbox up --only repositories --yes').ended).toBe(0);
    const { folder } = state();
    expect(await sandbox.stop()).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(shared)).toEqual([]);
  });

  it('prints commands that run in the sandbox when they are pasted', async () => {
    const sandbox = start('sandbox');
    await untilRunning(sandbox);
    const status = start('sandbox status');
    expect(await status.ended).toBe(3);
    expect(status.output()).toContain('ecr-bootstrap sandbox up');
    const json = start('sandbox status -o json');
    await json.ended;
    for (const one of [status, json]) {
      expect(one.output().match(/\becr-bootstrap (up|status|mirror|rotate|down)\b/g)).toBe(null);
    }
    await sandbox.stop();
  });

  it('has a kubeconfig that names its proxy, so that kubectl can use it', async () => {
    const sandbox = start('sandbox');
    await untilRunning(sandbox);
    const { env } = state();
    expect(sandbox.output()).toContain(`kubectl --kubeconfig ${env.KUBECONFIG} get pods -A`);
    const kubeconfig = JSON.parse(readFileSync(env.KUBECONFIG, 'utf8')) as {
      clusters: readonly { cluster: Record<string, string> }[];
    };
    expect(kubeconfig.clusters[0]?.cluster['proxy-url']).toBe(env.HTTPS_PROXY);
    await sandbox.stop();
  });

  it('writes a configuration file that says that its account does not exist', async () => {
    expect(await start('sandbox init').ended).toBe(0);
    const text = readFileSync(join(runtime, 'ecr-bootstrap.yaml'), 'utf8');
    expect(text.split('\n')[0]).toMatch(/^# WRITTEN IN A SANDBOX/);
  });

  it('keeps its state when a second sandbox that started at the same time gives up', async () => {
    const both = [start('sandbox'), start('sandbox')] as const;
    const first = await untilRunning(...both);
    const second = both.find((each) => each !== first);
    expect(await second?.ended).toBe(0);
    expect(second?.output()).toContain('A sandbox is already running');
    expect(existsSync(state().env.KUBECONFIG)).toBe(true);
    expect(await start('sandbox status --only repositories').ended).toBe(3);
    await first.stop();
    expect(readdirSync(shared)).toEqual([]);
  });

  it('keeps its state when the sandbox that it replaced ends', async () => {
    const old = start('sandbox');
    await untilRunning(old);
    // For example, after a cleanup of temporary files.
    rmSync(join(shared, 'running.json'));
    const young = start('sandbox');
    await untilRunning(young);
    await old.stop();
    expect(existsSync(state().env.KUBECONFIG)).toBe(true);
    await young.stop();
    expect(readdirSync(shared)).toEqual([]);
  });

  it('replaces the files of a killed sandbox', async () => {
    const left = join(shared, 'run-killed');
    mkdirSync(left, { recursive: true, mode: 0o700 });
    const { pid } = spawnSync(process.execPath, ['--version']);
    const text = JSON.stringify({ pid, folder: left, env: {}, account: '123456789012' });
    writeFileSync(join(shared, 'running.json'), text, { mode: 0o600 });
    const sandbox = start('sandbox');
    await untilRunning(sandbox);
    expect(existsSync(left)).toBe(false);
    await sandbox.stop();
  });
});

describe('the folder of a sandbox', () => {
  it.runIf(process.getuid?.() === 0)(
    'is that of temporary files when XDG_RUNTIME_DIR belongs to another user, as under sudo',
    async () => {
      const temporary = join(runtime, 'tmp');
      const others = join(runtime, 'others');
      for (const folder of [temporary, others]) mkdirSync(folder);
      chownSync(others, 4711, 4711);
      Object.assign(process.env, { XDG_RUNTIME_DIR: others, TMPDIR: temporary });
      const sandbox = start('sandbox');
      await untilRunning(sandbox);
      expect(readdirSync(temporary)).toEqual([`ecr-bootstrap-sandbox-${userInfo().uid}`]);
      expect(readdirSync(others)).toEqual([]);
      await sandbox.stop();
    },
  );

  it.each(['sandbox', 'sandbox status'])('must be writable, for `%s`', async (line) => {
    Object.assign(process.env, { XDG_RUNTIME_DIR: '/dev/null', TMPDIR: '/dev/null/tmp' });
    const ran = start(line);
    expect(await ran.ended).toBe(2);
    const output = ran.output().replace(/\s+/g, ' ');
    expect(output).toContain('could not create a folder for the sandbox in /dev/null/tmp');
    expect(output).toContain('fix: Set TMPDIR to a folder that you can write.');
  });
});

describe.skipIf(process.geteuid === undefined)("a running sandbox's state", () => {
  /** Writes the state of a running sandbox, for which this process stands. */
  function leave(): void {
    const folder = join(shared, 'run-1');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = { KUBECONFIG: join(folder, 'kubeconfig'), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
    for (const file of Object.values(files)) writeFileSync(file, '', { mode: 0o600 });
    const text = JSON.stringify({ pid: process.pid, folder, env: files, account: '123456789012' });
    writeFileSync(join(shared, 'running.json'), text, { mode: 0o600 });
  }

  const link = (path: string): void => {
    renameSync(path, `${path}-moved`);
    symlinkSync(`${path}-moved`, path);
  };
  const at = (...names: string[]) => join(shared, ...names);

  it.each<[string, () => void, string]>([
    [
      'the folder can be opened by others',
      () => chmodSync(shared, 0o755),
      'other users can open it (mode 755)',
    ],
    ['the folder is a link', () => link(shared), 'it is a link'],
    ['the state can be opened by others', () => chmodSync(at('running.json'), 0o644), 'mode 644'],
    ['the state is a link', () => link(at('running.json')), 'it is a link'],
    ["the sandbox's own folder is a link", () => link(at('run-1')), 'it is a link'],
    ['the certificates can be written by others', () => chmodSync(at('run-1/ca.pem'), 0o606), 'mode 606'],
    ['the kubeconfig is a link', () => link(at('run-1/kubeconfig')), 'it is a link'],
  ])('is refused when %s', async (_case, corrupt, why) => {
    leave();
    corrupt();
    for (const line of ['sandbox status', 'sandbox', 'sandbox --advance 1h']) {
      const ran = start(line);
      expect(await ran.ended).toBe(2);
      expect(ran.output()).toContain(why);
      expect(ran.output()).toContain('XDG_RUNTIME_DIR');
    }
  });

  it.runIf(process.getuid?.() === 0)('is refused when its folder belongs to another user', async () => {
    leave();
    chownSync(shared, 4711, 4711);
    const ran = start('sandbox status');
    expect(await ran.ended).toBe(2);
    expect(ran.output()).toContain('it belongs to another user');
  });
});
