import type { Clock } from '../core/clock.ts';
import type { Net } from '../clients/net/index.ts';
import type { OutputFormat, Streams } from '../output/index.ts';

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
  readonly output?: OutputFormat;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: 'auto' | 'always' | 'never';
  readonly wide?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly insecureRegistry?: readonly string[];
  readonly dockerHost?: string;
  /** `oci:FOLDER`, the layout that takes the place of the sources. */
  readonly from?: string;
  /** `oci:FOLDER`, the layout that takes the place of ECR. */
  readonly to?: string;
  readonly fromCluster?: boolean;
  readonly [flag: string]: unknown;
}
