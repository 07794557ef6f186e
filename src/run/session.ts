import type { Clock } from '../core/clock.ts';
import type { ConfigRequest, Loaded } from '../config/load.ts';
import type { DockerPort } from '../clients/docker/port.ts';
import type { Net } from '../clients/net/index.ts';
import { createReporter, type Header, type Reporter, type Streams, type Verbosity } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import type { Services } from './context.ts';
import { deadline } from './timeout.ts';

/** The environment of a run: everything that differs between a terminal, a test and the sandbox. */
export interface Runtime {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly streams: Streams;
  readonly clock: Clock;
  /** The words after the program's name. */
  readonly argv?: readonly string[];
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted when the reader of stdout has closed it. */
  readonly stdoutClosed?: AbortSignal;
  /** PEM of an additional certificate authority. */
  readonly ca?: string;
  /** Network connections that several runs share. A run does not close them. */
  readonly net?: Net;
  /** The run uses the sandbox instead of real services. */
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

/** The part of the header that AWS and the cluster provide. */
export type EnvironmentHeader = Omit<Header, 'sandbox' | 'config' | 'kubeconfig'>;

/** One run of one command, with its configuration, reporter and lazy clients. */
export interface Session extends Runtime {
  readonly reporter: Reporter;
  readonly verbosity: Verbosity;
  readonly flags: GlobalFlags;
  /** The configuration, which the first call reads. */
  loaded(request?: Pick<ConfigRequest, 'placeholders' | 'lenient'>): Promise<Loaded>;
  context(): Promise<Context>;
  /** Shows the files that the run reads, and the account and cluster if they are known. */
  header(reached?: EnvironmentHeader): Promise<void>;
  /** The client of the Docker engine. Creating it sends no request. */
  docker(): Promise<DockerPort>;
  /** Another session with further flags. */
  fork(flags: GlobalFlags): Session;
  close(): Promise<void>;
}

export function openSession(command: string, flags: GlobalFlags, runtime: Runtime): Session {
  const verbosity: Verbosity = flags.quiet ? 'quiet' : flags.verbose ? 'verbose' : 'normal';
  const reporter = createReporter({
    command,
    format: flags.output ?? 'text',
    verbosity,
    noColor: flags.color === false,
    sandbox: runtime.sandbox === true,
    streams: runtime.streams,
    env: runtime.env,
    cwd: runtime.cwd,
  });
  const signals = [runtime.signal, ...(flags.timeout ? [deadline(flags.timeout, runtime.clock)] : [])];
  let loaded: Promise<Loaded> | undefined;
  let services: Promise<Services> | undefined;

  const session: Session = {
    ...runtime,
    signal: AbortSignal.any(signals),
    reporter,
    verbosity,
    flags,
    fork: (others) => openSession(command, { ...flags, ...others }, runtime),
    loaded: (request) => (loaded ??= load(request)),
    context: async () => (await (services ??= createServices())).context,
    header: async (reached) => {
      const { paths } = await session.loaded();
      reporter.header({ sandbox: runtime.sandbox === true, ...reached, ...paths });
    },
    docker: async () => (await (services ??= createServices())).docker(),
    close: async () => {
      // A failure to create the clients was reported to the caller that needed them.
      const opened = await services?.catch(() => undefined);
      await opened?.close();
    },
  };

  async function load(request: Pick<ConfigRequest, 'placeholders' | 'lenient'> = {}): Promise<Loaded> {
    const { cwd, env } = runtime;
    const { loadConfig } = await import('../config/load.ts');
    const file = flags.config ? { file: flags.config } : {};
    const result = await loadConfig({ cwd, env, flags, ...file, ...request });
    for (const warning of result.warnings) reporter.warn(warning);
    return result;
  }

  async function createServices(): Promise<Services> {
    const [{ config }, { createServices }, { createNet }] = await Promise.all([
      session.loaded(),
      import('./context.ts'),
      import('../clients/net/index.ts'),
    ]);
    const { clock, env, ca } = runtime;
    const net = runtime.net ?? createNet(ca, env);
    const insecureRegistries = flags.insecureRegistry ?? [];
    const { dockerHost } = flags;
    const askMfaCode = (serial: string) =>
      reporter.askFor(`Code of the MFA device ${serial}:`, { signal: session.signal });
    const parts = { config, net, clock, env, insecureRegistries, dockerHost, askMfaCode };
    const { context, docker, close } = createServices(parts);
    return {
      context,
      docker,
      close: async () => {
        await close();
        if (!runtime.net) await net.close();
      },
    };
  }

  return session;
}
