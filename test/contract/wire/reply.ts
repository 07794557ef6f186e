import { parseXml } from './xml.ts';

/** An answer as received, and parsed as far as possible. */
export interface Reply {
  readonly status: number;
  /** Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Parsed if it is JSON or XML. */
  readonly body: unknown;
  /** The service's own name of the error; undefined when there is none. */
  readonly code: string | undefined;
}

export function readReply(status: number, headers: Readonly<Record<string, string>>, text: string): Reply {
  const body = parsed(text);
  return { status, headers, text, body, code: status < 400 ? undefined : codeOf(body) };
}

/** The short form of a reply in messages and in lists of differences, for example `400 InvalidParameterException`. */
export const signatureOf = ({ status, code }: Pick<Reply, 'status' | 'code'>): string =>
  code === undefined ? String(status) : `${status} ${code}`;

/** Detects the format from the text. Cases check whether the content type is right too. */
function parsed(text: string): unknown {
  if (text === '') return undefined;
  if (/^\s*\{/.test(text)) return JSON.parse(text);
  return /^\s*<(?!!doctype)/i.test(text) ? parseXml(text) : text;
}

interface Failure {
  /** JSON services of AWS. Some put a namespace before a `#`. */
  readonly __type?: string;
  /** Query services of AWS. */
  readonly Error?: { readonly Code?: string };
  /** The form that some imitations of the query services use. */
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
