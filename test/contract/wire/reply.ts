import { parseXml } from './xml.ts';

/** An answer as it came, and read as far as it can be. */
export interface Reply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Parsed, if it is JSON or XML. */
  readonly body: unknown;
  /** The service's own name of what went wrong; undefined when nothing did. */
  readonly code: string | undefined;
}

export function readReply(status: number, headers: Readonly<Record<string, string>>, text: string): Reply {
  const body = parsed(text);
  return { status, headers, text, body, code: status < 400 ? undefined : codeOf(body) };
}

/** What a reply is called in short, and in lists of differences: `400 InvalidParameterException`. */
export const signatureOf = ({ status, code }: Pick<Reply, 'status' | 'code'>): string =>
  code === undefined ? String(status) : `${status} ${code}`;

/** By its looks: whether the content type is right too is for a case to say. */
function parsed(text: string): unknown {
  if (text === '') return undefined;
  if (/^\s*\{/.test(text)) return JSON.parse(text);
  return /^\s*<(?!!doctype)/i.test(text) ? parseXml(text) : text;
}

interface Failure {
  /** JSON services of AWS, some with a namespace before a `#`. */
  readonly __type?: string;
  /** Query services of AWS. */
  readonly Error?: { readonly Code?: string };
  /** The same as some of them word it that are not AWS. */
  readonly Errors?: { readonly Error?: { readonly Code?: string } };
  /** OCI distribution. */
  readonly errors?: readonly { readonly code?: string }[];
  /** Kubernetes. */
  readonly reason?: string;
}

function codeOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { __type, Error: error, Errors, errors, reason } = body as Failure;
  const aws = __type?.split('#').at(-1) ?? error?.Code ?? Errors?.Error?.Code;
  return aws ?? errors?.[0]?.code ?? (reason === '' ? undefined : reason);
}
