import { inspect } from 'node:util';

const mask = '(secret)';
/** All texts to mask: each value as it is, and as other texts encode it. */
const known = new Set<string>();
/** The same, longest first: a value inside another must not keep the longer one from being found. */
let inOrder: readonly string[] | undefined;

/** Shorter values are not masked in text: they would hide ordinary words. */
const shortestMasked = 8;

/** Access key IDs and regions are stored with secrets but are not secret: findings and commands have to show them. */
const isPublic = (value: string): boolean =>
  /^(AKIA|ASIA)[A-Z0-9]{16}$|^[a-z]{2,4}(-[a-z]+)+-\d+$/.test(value);

/**
 * A value that must never be shown. It prints as `(secret)` however it is printed: in templates, JSON and
 * `util.inspect`. The value leaves only by {@link Secret.reveal}, so that each place that needs it can be found.
 * The redactor also masks it wherever it appears in other text, for example in a service's error message.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length < shortestMasked || known.has(value) || isPublic(value)) return;
    for (const form of formsOf(value)) known.add(form);
    inOrder = undefined;
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares without revealing. */
  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}

/** A value as it is, inside a JSON text, in a URL, and as a Kubernetes Secret or a header holds it. */
const formsOf = (value: string): string[] => [
  value,
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd')),
  Buffer.from(value).toString('base64'),
];

/** Masks every value in `text` that some {@link Secret} of this process holds. */
export function redact(text: string): string {
  inOrder ??= [...known].sort((one, other) => other.length - one.length);
  let clean = text;
  for (const form of inOrder) clean = clean.replaceAll(form, mask);
  return clean;
}

/** Forgets all values: in a process with hundreds of runs, masking would become slower and slower. */
export function forgetSecrets(): void {
  known.clear();
  inOrder = undefined;
}
