import { styleText } from 'node:util';

/** How a terminal's text looks. All of it becomes plain when colour is off. */
export interface Style {
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

export function createStyle(colour: boolean): Style {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: paint('green'),
    warn: paint('yellow'),
    bad: paint('red'),
    dim: paint('dim'),
    bold: paint('bold'),
  };
}

/** Colour is for terminals, unless NO_COLOR (no-color.org) or --no-color says otherwise. */
export const wantsColor = (isTerminal: boolean, noColor: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTerminal && !noColor && !env['NO_COLOR'] && env['TERM'] !== 'dumb';

/** Motion is for terminals that a person looks at. */
export const wantsMotion = (isTerminal: boolean, env: NodeJS.ProcessEnv): boolean =>
  isTerminal && !env['CI'] && env['TERM'] !== 'dumb';
