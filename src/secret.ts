import { inspect } from 'node:util';

const mask = '(secret)';
const known = new Set<string>();

/** Shorter values are not masked in text: they would hide ordinary words. */
const shortestMasked = 8;

/** Access key ids and regions are stored beside secrets and are none; findings and commands have to name them. */
const isPublic = (value: string): boolean => /^(AKIA|ASIA)[A-Z0-9]{16}$|^[a-z]{2}(-[a-z]+)+-\d+$/.test(value);

/**
 * A value that must never be shown. It prints as `(secret)` however it is printed: in templates, JSON and
 * `util.inspect`. The value leaves only by {@link Secret.reveal}, so that each place that needs it can be found.
 * The redactor also masks it wherever it appears in other text, for example in a service's error message.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length >= shortestMasked && !isPublic(value)) known.add(value);
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

/** Masks every value in `text` that some {@link Secret} of this process holds. */
export function redact(text: string): string {
  let clean = text;
  for (const value of known) clean = clean.replaceAll(value, mask);
  return clean;
}
