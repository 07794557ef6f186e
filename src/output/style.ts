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

/** Color is used on terminals, unless NO_COLOR (no-color.org) or --no-color is set. */
export const wantsColor = (isTerminal: boolean, noColor: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTerminal && !noColor && !env['NO_COLOR'] && env['TERM'] !== 'dumb';

/** The live line is used on terminals, except in CI. */
export const wantsMotion = (isTerminal: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTerminal && !env['CI'] && env['TERM'] !== 'dumb';
