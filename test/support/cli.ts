import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { main } from '../../src/main.ts';
import { createNet } from '../../src/clients/net/index.ts';
import { SandboxClock } from '../../sandbox/clock.ts';
import { startWorld, type World, type WorldOptions } from '../../sandbox/world.ts';
import { parseDocument } from './documents.ts';
import { fastClock } from './fast-clock.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** Set to run on a terminal. */
  readonly terminal?: Terminal;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Milliseconds until a request without a response times out. Only with `fast`, and not with another proxy. */
  readonly timeoutMs?: number;
  /** The width of stdout and stderr. By default, all sentences fit on one line. */
  readonly columns?: number;
}

export interface Terminal {
  /** The answer that is typed at the prompt. Undefined closes the input, as Ctrl-D does. */
  readonly answer: string | undefined;
  /** Called while the prompt is shown. */
  readonly atQuestion?: () => Promise<unknown>;
}

/** The command line as a user types it, in this process and against one world. */
export interface Cli {
  readonly world: World;
  /** The working folder and HOME of the runs. */
  readonly folder: string;
  /** The environment of the runs. */
  readonly site: Readonly<Record<string, string>>;
  run(args: string | readonly string[], options?: RunOptions): Promise<CliResult>;
  /** Runs with `-o json`, and parses the document, which must fit its schema. */
  json(args: string, options?: RunOptions): Promise<CliResult & { readonly document: Document }>;
  close(): Promise<void>;
}

export interface Document {
  readonly schemaVersion: number;
  readonly ok: boolean;
  readonly error?: {
    readonly code: string;
    readonly what: string;
    readonly why: string;
    readonly hint: string;
  };
  readonly [field: string]: unknown;
}

export interface CliOptions {
  /**
   * Only waiting in ecr-bootstrap and the test move the sandbox's clock, so that nothing expires on a slow machine. Runs
   * share their connections.
   */
  readonly fast?: boolean;
  /** The YAML of a configuration file. */
  readonly config?: string;
}

/** Opens the command line on a new world, with the project `shop`, the account guard and no personal settings. */
export async function openCli(
  options: WorldOptions = {},
  { fast = false, config }: CliOptions = {},
): Promise<Cli> {
  const world = await startWorld(fast ? { clock: stoppedClock(), ...options } : options);
  const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-test-'));
  const file = join(folder, 'ecr-bootstrap.yaml');
  if (config !== undefined) writeFileSync(file, config);
  const site = {
    ...world.environment(folder),
    ECR_BOOTSTRAP_CONFIG: config === undefined ? devNull : file,
    ECR_BOOTSTRAP_PROJECT: 'shop',
    ECR_BOOTSTRAP_ACCOUNT_ID: world.account,
  };
  const clock: Clock = fast
    ? fastClock(world.clock)
    : { now: () => world.clock.now(), sleep: systemClock.sleep };

  let requestTimeoutMs = Infinity;
  const net = createNet(world.caPem, site, (due) => Math.min(due, requestTimeoutMs));

  const run: Cli['run'] = async (
    args,
    {
      env = {},
      stdin = '',
      signal = new AbortController().signal,
      terminal,
      columns = veryWide,
      ...options
    } = {},
  ) => {
    requestTimeoutMs = options.timeoutMs ?? Infinity;
    const [stdout, stderr] = [sink(columns), sink(columns)];
    const streams = { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream };
    if (terminal) Object.assign(streams, onTerminal(streams, terminal));
    const merged = defined({ ...site, ...env });
    const restore = borrowAws(merged);
    try {
      const argv = typeof args === 'string' ? args.split(' ').filter(Boolean) : args;
      const around = {
        cwd: folder,
        env: merged,
        streams,
        clock: options.clock ?? clock,
        signal,
        ca: world.caPem,
        ...(fast && env['HTTPS_PROXY'] === undefined ? { net } : {}),
      };
      return { code: await main(argv, around), stdout: stdout.text(), stderr: stderr.text() };
    } finally {
      restore();
    }
  };

  return {
    world,
    folder,
    site,
    run,
    json: async (args, runOptions) => {
      const ran = await run(`${args} -o json`, runOptions);
      return { ...ran, document: parseDocument(ran.stdout) as Document };
    },
    close: async () => {
      await net.close();
      await world.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Stands still at the present time until something advances it. */
function stoppedClock(): SandboxClock {
  const now = Date.now();
  return new SandboxClock(() => now);
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The SDK's credential provider chain reads the environment of the process. */
function borrowAws(env: Readonly<Record<string, string>>): () => void {
  const before = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'));
  const clear = (): void => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  };
  clear();
  for (const [name, value] of Object.entries(env)) if (name.startsWith('AWS_')) process.env[name] = value;
  return () => {
    clear();
    Object.assign(process.env, Object.fromEntries(before));
  };
}

/** Turns the streams into those of a terminal, with a user who answers the first prompt. */
function onTerminal({ stdout, stderr }: Record<'stdout' | 'stderr', Screen>, terminal: Terminal) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const answer = (): void => {
    if (terminal.answer === undefined) stdin.end();
    else stdin.write(`${terminal.answer}\n`);
  };
  let seen = '';
  const screen = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const stood = isQuestion(seen);
      seen += chunk.toString();
      stderr.write(chunk);
      if (!stood && isQuestion(seen)) void (terminal.atQuestion?.() ?? Promise.resolve()).finally(answer);
      done();
    },
  });
  return {
    stdin,
    stdout: Object.assign(stdout, { isTTY: true }),
    stderr: Object.assign(screen, { isTTY: true, columns: stderr.columns }),
  };
}

const isQuestion = (text: string): boolean => /\[y\/N\] |Type \S+ to confirm:|MFA device \S+: /.test(text);

type Screen = Writable & { readonly columns: number };

/** Columns. Most tests read sentences, which a narrower screen breaks into lines. */
const veryWide = 2000;

function sink(columns: number): { stream: Screen; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { columns }), text: () => text };
}
