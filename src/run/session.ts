import type { Clock } from '../core/clock.ts';
import type { ConfigRequest, Loaded } from '../config/load.ts';
import type { DockerPort } from '../clients/docker/port.ts';
import type { Net } from '../clients/net/index.ts';
import { createReporter, type Header, type Reporter, type Streams, type Verbosity } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import type { Made } from './context.ts';
import { deadline } from './signal.ts';

/** What the process gives: everything that differs between a terminal, a test and the sandbox. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly streams: Streams;
  readonly clock: Clock;
  /** The words after the program's name. */
  readonly argv?: readonly string[];
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted when nobody reads stdout any more. */
  readonly unread?: AbortSignal;
  /** PEM of an authority to trust besides Node's. */
  readonly ca?: string;
  /** The way out to the network, where it outlives the run: it is not closed with it. */
  readonly net?: Net;
  /** Everything happens against the sandbox. */
  readonly sandbox?: boolean;
}

/** The global flags, as commander gives them. */
export interface GlobalFlags {
  readonly config?: string;
  readonly output?: 'text' | 'json';
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly insecureRegistry?: readonly string[];
  readonly dockerHost?: string;
  readonly [flag: string]: unknown;
}

/** The part of the header that AWS and the cluster say. */
export type ReachedHeader = Omit<Header, 'sandbox' | 'config' | 'kubeconfig'>;

/** One run of one command: its configuration, its voice, and its ports, which are made when first touched. */
export interface Session extends Surroundings {
  readonly reporter: Reporter;
  readonly verbosity: Verbosity;
  readonly flags: GlobalFlags;
  /** Read when first asked for; with placeholders for what is not configured, or without. */
  loaded(request?: Pick<ConfigRequest, 'placeholders' | 'lenient'>): Promise<Loaded>;
  context(): Promise<Context>;
  /** Shows which files the run reads, and where it works as far as that is known. */
  header(reached?: ReachedHeader): Promise<void>;
  /** The Docker engine, wherever it is; nothing has been sent to it yet. */
  docker(): Promise<DockerPort>;
  /** A session of its own with other flags. */
  fork(flags: GlobalFlags): Session;
  close(): Promise<void>;
}

export function openSession(command: string, flags: GlobalFlags, around: Surroundings): Session {
  const verbosity: Verbosity = flags.quiet ? 'quiet' : flags.verbose ? 'verbose' : 'normal';
  const reporter = createReporter({
    command,
    format: flags.output ?? 'text',
    verbosity,
    noColor: flags.color === false,
    sandbox: around.sandbox === true,
    streams: around.streams,
    env: around.env,
    cwd: around.cwd,
  });
  const signals = [around.signal, ...(flags.timeout ? [deadline(flags.timeout, around.clock)] : [])];
  let loaded: Promise<Loaded> | undefined;
  let made: Promise<Made> | undefined;

  const session: Session = {
    ...around,
    signal: AbortSignal.any(signals),
    reporter,
    verbosity,
    flags,
    fork: (others) => openSession(command, { ...flags, ...others }, around),
    loaded: (request) => (loaded ??= load(request)),
    context: async () => (await (made ??= make())).context,
    header: async (reached) => {
      const { paths } = await session.loaded();
      reporter.header({ sandbox: around.sandbox === true, ...reached, ...paths });
    },
    docker: async () => (await (made ??= make())).docker(),
    close: async () => {
      // What could not be opened has been told to whoever asked for it.
      const opened = await made?.catch(() => undefined);
      await opened?.close();
    },
  };

  async function load(request: Pick<ConfigRequest, 'placeholders' | 'lenient'> = {}): Promise<Loaded> {
    const { cwd, env } = around;
    const { loadConfig } = await import('../config/load.ts');
    const file = flags.config ? { file: flags.config } : {};
    const result = await loadConfig({ cwd, env, flags, ...file, ...request });
    for (const warning of result.warnings) reporter.warn(warning);
    return result;
  }

  async function make(): Promise<Made> {
    const [{ config }, { createContext }, { createNet }] = await Promise.all([
      session.loaded(),
      import('./context.ts'),
      import('../clients/net/index.ts'),
    ]);
    const { clock, env, ca } = around;
    const net = around.net ?? createNet(ca, env);
    const insecureRegistries = flags.insecureRegistry ?? [];
    const { dockerHost } = flags;
    const askMfaCode = (serial: string) =>
      reporter.askFor(`Code of the MFA device ${serial}:`, { signal: session.signal });
    const parts = { config, net, clock, env, insecureRegistries, dockerHost, askMfaCode };
    const { context, docker, close } = createContext(parts);
    return {
      context,
      docker,
      close: async () => {
        await close();
        if (!around.net) await net.close();
      },
    };
  }

  return session;
}
