import { styleText } from 'node:util';

/** Formats text for a terminal. Without color, all text stays plain. */
export interface Style {
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

export function createStyle(color: boolean): Style {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: paint('green'),
    warn: paint('yellow'),
    bad: paint('red'),
    dim: paint('dim'),
    bold: paint('bold'),
  };
}

export type ColorChoice = 'auto' | 'always' | 'never';

/**
 * The flag decides, then FORCE_COLOR, then NO_COLOR, as in Node. Without them, terminals have color, unless TERM
 * is dumb. See force-color.org and no-color.org.
 */
export function wantsColor(isTerminal: boolean, choice: ColorChoice, env: NodeJS.ProcessEnv): boolean {
  if (choice !== 'auto') return choice === 'always';
  const force = env['FORCE_COLOR'];
  if (force) return !/^(0|false)$/.test(force);
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** The live line is used on terminals, except in CI. */
export const wantsMotion = (isTerminal: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTerminal && !env['CI'] && env['TERM'] !== 'dumb';

/**
 * Whether the locale is UTF-8. Desktops and containers often set no locale although their terminals show
 * Unicode. The console of the Linux kernel lacks most marks.
 */
export function wantsUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'];
  return env['TERM'] !== 'linux' && (!locale || /utf-?8/i.test(locale));
}
