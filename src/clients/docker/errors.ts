import { BootstrapError, reasonOf } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';

/** The attempted action, for error messages. */
export interface DockerCall {
  /** `pull docker.io/library/nginx:1.27 for linux/amd64` */
  readonly what: string;
  /** The registry that the engine contacts for this action, for hints. */
  readonly registry?: string;
  /** The engine's address. */
  readonly address: string;
}

/** The error for an engine that cannot be found, or cannot be used as configured. */
export const dockerUnreachable = (what: string, why: string, hint: string, cause?: unknown): BootstrapError =>
  new BootstrapError({ code: 'docker-unreachable', what, why, hint }, { cause });

/** Converts an error of the engine, or of the connection to the engine, to a BootstrapError. */
export function dockerError(thrown: unknown, attempt: DockerCall): BootstrapError {
  if (thrown instanceof BootstrapError) return thrown;
  const unreachable = connectionFailure(thrown);
  const why = unreachable ?? reasons(thrown);
  const code = unreachable ? 'docker-unreachable' : codeOf(why);
  return new BootstrapError(
    { code, what: `could not ${attempt.what}`, why, hint: hintFor(code, attempt) },
    { cause: thrown },
  );
}

/** The engine's own message, without the library's prefix: `(HTTP code 404) no such image - …`. */
function reasons(thrown: unknown): string {
  const json = (thrown as { json?: { message?: unknown } } | null)?.json;
  const text = typeof json?.message === 'string' ? json.message : reasonOf(thrown);
  return text.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

const connectionReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not open the socket',
  ECONNREFUSED: 'nothing listens at this address',
  ENOTFOUND: 'the host name does not resolve',
  EHOSTUNREACH: 'there is no route to the host',
  ETIMEDOUT: 'the host did not answer in time',
};

function connectionFailure(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || 'statusCode' in thrown) return undefined;
  if (thrown.name === 'TimeoutError') return 'it did not answer in time';
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (code && connectionReasons[code] && syscall !== 'open') return connectionReasons[code];
  const isTransport = code !== undefined || thrown.message.startsWith('ssh: ');
  return isTransport ? reasonOf(thrown) : undefined;
}

/**
 * The engine passes on the registries' messages without a code, so the text decides. Docker Hub also responds
 * with "denied" for a repository that does not exist; that message names both causes.
 */
const patterns: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /no matching manifest|does not (match the specified|provide the specified) platform/i,
    'image-platform-missing',
  ],
  [
    /denied|unauthori[sz]ed|authentication required|no basic auth credentials|forbidden|\b40[13]\b/i,
    'registry-denied',
  ],
  [/manifest unknown|name unknown|not found|no such image/i, 'image-missing'],
];

const codeOf = (why: string): ErrorCode => patterns.find(([text]) => text.test(why))?.[1] ?? 'docker-failed';

function hintFor(code: ErrorCode, { registry, address }: DockerCall): string {
  switch (code) {
    case 'docker-unreachable':
      return `Start Docker, or set DOCKER_HOST or DOCKER_CONTEXT (now ${address}). To copy without Docker: --engine registry`;
    case 'registry-denied':
      return registry
        ? `Log in with \`docker login ${registry}\`, and check the name of the image.`
        : 'Log in with `docker login`, and check the name of the image.';
    case 'image-missing':
      return 'Check the name and the tag.';
    case 'image-platform-missing':
      return 'Choose a platform that the image has with --platform.';
    default:
      return "Read the engine's log, or copy without Docker: --engine registry";
  }
}
