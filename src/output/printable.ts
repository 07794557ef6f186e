import { BootstrapError } from '../core/errors.ts';
import { withoutSecrets, Secret } from '../core/secret.ts';

/** Control characters, characters that change the direction of text, and invisible characters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Makes a text of several lines safe for a terminal: JSON escapes replace {@link unprintable} characters. */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));

const lineBreak = /[\t\n\v\f\r\u0085\u2028\u2029]/;

/** Most texts, which need no replacement. */
const isPlain = /^[\x20-\x7e]*$/;

/**
 * The same for text that must stay on one line. Line breaks and tabs become one space, so the text cannot fake
 * a line. The time is linear in the length of each run of spaces, because untrusted input determines that
 * length.
 */
const printableLine = (text: string): string =>
  isPlain.test(text)
    ? text
    : printable(text.replace(/[\s\u0085]+/g, (spaces) => (lineBreak.test(spaces) ? ' ' : spaces)));

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');

/**
 * Copies the data that a command reports, and makes every text printable on one line. Services, clusters,
 * files and plugins supply these texts. The copy is made before any formatting, so that only this program adds
 * line breaks and colors. Secrets are masked first, while a secret of several lines can still be recognized.
 */
export function printableData<T>(data: T): T {
  return mapTexts(data, (text) => printableLine(withoutSecrets(text))) as T;
}

function mapTexts(value: unknown, textOf: (text: string) => string): unknown {
  if (typeof value === 'string') return textOf(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, textOf));
  if (value instanceof BootstrapError) {
    const { code, what, why, hint, others } = value;
    return new BootstrapError(
      { code, what: textOf(what), why: textOf(why), hint: textOf(hint) },
      { others: others.map((other) => mapTexts(other, textOf) as BootstrapError) },
    );
  }
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [textOf(key), mapTexts(child, textOf)]),
  );
}

/** The commands of this program in hints and texts. */
const ownCommand =
  /\becr-bootstrap (?=(?:up|status|why|rotate|down|mirror|images|render|policy|init|config|doctor|version)\b)/g;

/** Adds the word `sandbox` to commands. Without it, a pasted command would change your real account and cluster. */
export const withinSandbox = (text: string): string => text.replace(ownCommand, 'ecr-bootstrap sandbox ');
