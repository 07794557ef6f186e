import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/commands/index.ts';

const read = (file: string): string => readFileSync(file, 'utf8');
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('internals/'))
    .map((name) => join('docs', name)),
];

const flagsIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g)].map(([flag]) => flag));

/** The flags of each command and those of all commands, from the page that is generated from the program. */
const sections = new Map(
  read('docs/reference/commands.md')
    .split(/^## /m)
    .map((section) => [section.slice(0, section.indexOf('\n')), flagsIn(section)] as const),
);
const globalFlags = sections.get('Global flags') ?? new Set<string>();

/** The command lines in code blocks and code spans, without what follows in a pipe or a comment. */
function commandLines(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, block = '']) => block);
  const spans = [...markdown.replaceAll(/^ *```[\s\S]*?^ *```/gm, '').matchAll(/`([^`\n]+)`/g)];
  return [...blocks, ...spans.map(([, span = '']) => span)]
    .flatMap((code) => code.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .flatMap((line) => [...line.matchAll(/(?<![\w/.-])ecr-bootstrap ([a-z-][^|#;)>&]*)/g)])
    .map(([, words = '']) => words.trim());
}

/** What is wrong with a command line: a name or a flag that does not exist. */
function mistakesIn(line: string): string[] {
  const words = line.replaceAll(/'[^']*'|"[^"]*"/g, '').split(/\s+/);
  const [name = ''] = words.filter((word) => word !== 'sandbox' || words.length === 1);
  if (name.startsWith('-')) return [...flagsIn(line)].filter((flag) => !isKnown('sandbox', flag));
  if (!commands.some((command) => command.name === name) && name !== 'help') return [name];
  return [...flagsIn(line)].filter((flag) => !isKnown(name, flag));
}

const isKnown = (command: string, flag: string): boolean =>
  globalFlags.has(flag) || sections.get(command)?.has(flag) === true;

describe('command lines in the docs', () => {
  it.each(pages)('of %s have commands and flags that exist', (page) => {
    const wrong = commandLines(read(page)).flatMap((line) =>
      mistakesIn(line).map((mistake) => `${mistake} in: ecr-bootstrap ${line}`),
    );
    expect(wrong).toEqual([]);
  });

  it('are found, and a mistake in one is found too', () => {
    expect(commandLines(read('README.md')).length).toBeGreaterThan(10);
    expect(mistakesIn('sandbox up --yes --only images')).toEqual([]);
    expect(mistakesIn('mirror --form-file images.txt')).toEqual(['--form-file']);
    expect(mistakesIn('upp --yes')).toEqual(['upp']);
  });
});
