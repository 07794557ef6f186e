import { randomUUID } from 'node:crypto';
import { readAll, type HttpResponse, type Handler, type HttpRequest } from '../http.ts';
import { AwsRefusal } from '../ports.ts';
import type { Gate, Service } from './service.ts';
import { readSignature } from './sigv4.ts';

/** The wire format of the requests and responses of a service. */
interface Protocol {
  read(request: HttpRequest, body: string): { operation: string; input: object };
  answer(operation: string, output: object): HttpResponse;
  refuse(refusal: AwsRefusal): HttpResponse;
}

/** Serves the host of one service. @param region that signatures must be scoped to */
export function awsHandler(gate: Gate, service: Service, region: string): Handler {
  const protocol = service.name === 'iam' || service.name === 'sts' ? query : json11;
  return async (request) => {
    const body = await readAll(request.body);
    try {
      const { operation, input } = protocol.read(request, body.toString());
      const signature = readSignature(request, body, service.name, region);
      const output = await gate.pass(service, operation, input, signature);
      return output === 'cut' || output === 'silence' ? output : protocol.answer(operation, output);
    } catch (cause) {
      if (cause instanceof AwsRefusal) return protocol.refuse(cause);
      throw cause;
    }
  };
}

/** The error codes of the JSON services, by those of the query services. */
const JSON_CODES: Record<string, string> = {
  SignatureDoesNotMatch: 'InvalidSignatureException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  IncompleteSignature: 'IncompleteSignatureException',
  ExpiredToken: 'ExpiredTokenException',
  AccessDenied: 'AccessDeniedException',
  Throttling: 'ThrottlingException',
};

/** A refusal with the code and the status of a JSON service: 400, unless the service itself failed. */
export const asJsonRefusal = ({ code, reason, status }: AwsRefusal) =>
  new AwsRefusal(JSON_CODES[code] ?? code, reason, status >= 500 ? status : 400);

/** JSON 1.1: ECR and Secrets Manager. Dates are seconds since the epoch. */
const json11: Protocol = {
  read({ headers }, body) {
    const operation = headers['x-amz-target']?.split('.').at(-1) ?? '';
    return { operation, input: JSON.parse(body || '{}') as object };
  },
  answer: (_, output) => jsonAnswer(200, output),
  refuse(refusal) {
    const { code, reason, status } = asJsonRefusal(refusal);
    return jsonAnswer(status, { __type: code, message: reason });
  },
};

function jsonAnswer(status: number, value: object): HttpResponse {
  const body = JSON.stringify(value, function (this: Record<string, unknown>, key, plain: unknown) {
    const original = this[key];
    return original instanceof Date ? original.getTime() / 1000 : plain;
  });
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
    body,
  };
}

/** Query in, XML out: IAM and STS. */
const query: Protocol = {
  read(_, body) {
    const { Action, ...input } = nested(new URLSearchParams(body));
    return { operation: String(Action), input };
  },
  answer: (operation, output) =>
    xmlAnswer(200, `${operation}Response`, {
      [`${operation}Result`]: output,
      ResponseMetadata: { RequestId: randomUUID() },
    }),
  refuse: ({ code, reason, status }) =>
    xmlAnswer(status, 'ErrorResponse', {
      Error: { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: reason },
      RequestId: randomUUID(),
    }),
};

/** Turns `Tags.member.1.Key=a` into `{ Tags: [{ Key: 'a' }] }`. */
function nested(parameters: URLSearchParams): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of parameters) {
    // The query protocol writes an empty list as an empty string.
    if (value === '') continue;
    const steps = path.replaceAll('.member.', '.').split('.');
    let target: Record<string, unknown> = root;
    for (const [index, step] of steps.slice(0, -1).entries()) {
      const next = /^\d+$/.test(steps[index + 1] ?? '') ? [] : {};
      target = (target[position(step)] ??= next) as Record<string, unknown>;
    }
    target[position(steps.at(-1) ?? '')] = value;
  }
  return root;
}

const position = (step: string) => (/^\d+$/.test(step) ? String(Number(step) - 1) : step);

const xmlAnswer = (status: number, name: string, value: object): HttpResponse => ({
  status,
  headers: { 'content-type': 'text/xml', 'x-amzn-requestid': randomUUID() },
  body: `<${name}>${xml(value)}</${name}>`,
});

const escape = (text: string): string => text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);

function xml(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return escape(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => `<member>${xml(one)}</member>`).join('');
  if (typeof value !== 'object') return JSON.stringify(value);
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => `<${name}>${xml(one)}</${name}>`)
    .join('');
}
