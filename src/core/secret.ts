import { inspect } from 'node:util';

const mask = '(secret)';
/** All texts to mask: each value, plain and in common encodings. */
const known = new Set<string>();
/** The same texts, longest first, so that a value that contains another one is masked completely. */
let inOrder: readonly string[] | undefined;

/** Shorter values are not masked in text: they would hide ordinary words. */
const shortestMasked = 8;

/**
 * Access key IDs and regions are stored with secrets but are not secret: findings and commands have to show
 * them.
 */
const isPublic = (value: string): boolean =>
  /^(AKIA|ASIA)[A-Z0-9]{16}$|^[a-z]{2,4}(-[a-z]+)+-\d+$/.test(value);

/**
 * A value that must never be shown. It prints as `(secret)` in templates, JSON and `util.inspect`. Only {@link
 * Secret.reveal} returns the value, so that every use can be found. {@link withoutSecrets} also masks the value in
 * other text, for example in a service's error message.
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

/** A value in plain text, in JSON, in a URL, and in base64 as in a Kubernetes Secret or a header. */
const formsOf = (value: string): string[] => [
  value,
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd')),
  Buffer.from(value).toString('base64'),
];

/** Keeps a value out of all output, for text that a library holds and that cannot be a {@link Secret}. */
export function redact(value: string): void {
  new Secret(value);
}

/** Masks the value of every {@link Secret} of this process in `text`. */
export function withoutSecrets(text: string): string {
  inOrder ??= [...known].sort((one, other) => other.length - one.length);
  let clean = text;
  // Most texts are shorter than most secrets.
  for (const form of inOrder) if (form.length <= clean.length) clean = clean.replaceAll(form, mask);
  return clean;
}

/** Forgets all values. In a process with hundreds of runs, masking would otherwise become slower with each run. */
export function forgetSecrets(): void {
  known.clear();
  inOrder = undefined;
}
