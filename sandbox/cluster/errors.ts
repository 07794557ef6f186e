import type { Fields } from './objects.ts';

/** An error of the API server: a `Status` object with an HTTP code and a reason. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Fields;

  constructor(code: number, reason: string, message: string, details: Fields = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The body of the response. */
  toStatus(): Fields {
    const { code, reason, message, details } = this;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      details,
      code,
    };
  }
}

/** The subject of an error, as messages name it: `deployments.apps "coredns"`. */
export interface Subject {
  readonly plural: string;
  readonly group: string;
  readonly kind: string;
}

const qualified = (name: string, group: string) => (group === '' ? name : `${name}.${group}`);
const details = (subject: Subject, name: string) => ({ name, group: subject.group, kind: subject.plural });

export const notFound = (subject: Subject, name: string) =>
  new StatusError(
    404,
    'NotFound',
    `${qualified(subject.plural, subject.group)} "${name}" not found`,
    details(subject, name),
  );

export const alreadyExists = (subject: Subject, name: string) =>
  new StatusError(
    409,
    'AlreadyExists',
    `${qualified(subject.plural, subject.group)} "${name}" already exists`,
    details(subject, name),
  );

export const conflict = (
  subject: Subject,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
) =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(subject.plural, subject.group)} "${name}": ${why}`,
    details(subject, name),
  );

export const invalid = (
  subject: Subject,
  name: string,
  field: string,
  message: string,
  reason = 'FieldValueInvalid',
) =>
  new StatusError(
    422,
    'Invalid',
    `${qualified(subject.kind, subject.group)} "${name}" is invalid: ${field}: ${message}`,
    { ...details(subject, name), kind: subject.kind, causes: [{ reason, message, field }] },
  );

/** The refusal of an admission plug-in, which is not about missing permissions. */
export const notAdmitted = (subject: Subject, name: string, why: string, causes?: readonly Fields[]) =>
  new StatusError(
    403,
    'Forbidden',
    `${qualified(subject.plural, subject.group)} "${name}" is forbidden: ${why}`,
    { ...details(subject, name), ...(causes && { causes }) },
  );

export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);
export const internal = (message: string) =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`);
