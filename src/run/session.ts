import type { ConfigRequest, Loaded } from '../config/load.ts';
import { createReporter, type Header, type Reporter, type Verbosity } from '../output/index.ts';
import type { RunContext } from './context.ts';
import type { GlobalFlags, Runtime } from './runtime.ts';
import { deadline } from './timeout.ts';

/** The part of the header that AWS and the cluster provide. */
export type EnvironmentHeader = Omit<Header, 'sandbox' | 'project' | 'config' | 'kubeconfig'>;

/** One run of one command: its flags, its configuration, its reporter and its context. */
export interface Session extends Runtime {
  readonly reporter: Reporter;
  readonly verbosity: Verbosity;
  readonly flags: GlobalFlags;
  /** The configuration, which the first call reads. */
  loaded(request?: Pick<ConfigRequest, 'placeholders' | 'lenient'>): Promise<Loaded>;
  /** The clients, which the first call creates. Creating them sends no request. */
  context(): Promise<RunContext>;
  /** Shows the files that the run reads, and the account and cluster if they are known. */
  header(reached?: EnvironmentHeader): Promise<void>;
  /** The header, for a view that contains it. */
  headerOf(reached?: EnvironmentHeader): Promise<Header>;
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
    color: flags.color ?? 'auto',
    wide: flags.wide === true,
    sandbox: runtime.sandbox === true,
    streams: runtime.streams,
    env: runtime.env,
    cwd: runtime.cwd,
  });
  const signals = [runtime.signal, ...(flags.timeout ? [deadline(flags.timeout, runtime.clock)] : [])];
  let loaded: Promise<Loaded> | undefined;
  let context: Promise<RunContext> | undefined;

  const session: Session = {
    ...runtime,
    signal: AbortSignal.any(signals),
    reporter,
    verbosity,
    flags,
    fork: (others) => openSession(command, { ...flags, ...others }, runtime),
    loaded: (request) => (loaded ??= load(request)),
    context: () => (context ??= open()),
    header: async (reached) => reporter.header(await session.headerOf(reached)),
    headerOf: async (reached) => {
      const { paths, config } = await session.loaded();
      return { sandbox: runtime.sandbox === true, project: config.project, ...reached, ...paths };
    },
    close: async () => {
      // A failure to create the context was reported to the caller that needed it.
      const opened = await context?.catch(() => undefined);
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

  async function open(): Promise<RunContext> {
    const [{ config }, { createContext }] = await Promise.all([session.loaded(), import('./context.ts')]);
    return createContext(config, flags, runtime, (serial) =>
      reporter.askFor(`Code of the MFA device ${serial}:`, { signal: session.signal }),
    );
  }

  return session;
}
