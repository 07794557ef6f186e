import { BootstrapError } from '../core/errors.ts';
import { redact, Secret } from '../core/secret.ts';

/** Control characters, characters that change the direction of text, and characters that are not drawn. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text of several lines that is safe on a terminal: JSON escapes replace what is {@link unprintable}. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));

const lineBreak = /[\t\n\v\f\r\u0085\u2028\u2029]/;

/**
 * The same for text that must stay on one line: line breaks and tabs become one space, so it cannot fake a line. Each run of
 * spaces is read once, because untrusted input decides how long it is.
 */
const printableLine = (text: string): string =>
  printable(text.replace(/[\s\u0085]+/g, (spaces) => (lineBreak.test(spaces) ? ' ' : spaces)));

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');

/**
 * A copy of what a command reports, in which every text is printable and stays on one line. Services, clusters, files and
 * plugins supply these texts, so the copy is made before any formatting: line breaks and colors in the result are added by
 * this program. Secrets are masked first, while a secret of several lines can still be recognized.
 */
export function printableData<T>(data: T): T {
  return copyOf(data) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value === 'string') return printableLine(redact(value));
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof BootstrapError) {
    const { code, what, why, hint, others } = value;
    return new BootstrapError(
      { code, what: printableData(what), why: printableData(why), hint: printableData(hint) },
      { others: others.map(printableData) },
    );
  }
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [printableLine(key), copyOf(child)]));
}

/** The commands in hints and texts. */
const ownCommand = /\becr-bootstrap (?=(?:up|status|rotate|down|mirror|images|render|policy|init|config)\b)/g;

/** In the sandbox, a pasted command without that word would reach your real account and cluster. */
export const withinSandbox = (text: string): string => text.replace(ownCommand, 'ecr-bootstrap sandbox ');
