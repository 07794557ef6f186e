import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { wordsToAvoid } from '../../../scripts/words.ts';

const filesIn = (folder: string, extension: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name));

/** The lines of a page without code spans and program output. */
const linesOf = (markdown: string): string[] =>
  markdown
    .replaceAll(/^( *)```text\n[\s\S]*?^\1```$/gm, (block) => block.replaceAll(/[^\n]/g, ''))
    .replaceAll(/`[^`\n]*`/g, '`…`')
    .split('\n');

/** The string and template literals of a source file that contain a space. The others are names and codes. */
function literalsOf(file: string, content: string): { line: number; text: string }[] {
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const literals: { line: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (text !== undefined && /\S\s+\S/.test(text)) {
      literals.push({ line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1, text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return literals;
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join('…');
}

const patterns = wordsToAvoid.map(([words, instead]) => ({ pattern: new RegExp(words, 'i'), instead }));

const complaints = (place: string, text: string): string[] =>
  patterns.flatMap(({ pattern, instead }) => {
    const found = pattern.exec(text);
    return found ? [`${place} has "${found[0]}"; write instead: ${instead}`] : [];
  });

describe('words to avoid', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...filesIn('docs', '.md')];

  it.each(pages)('are not in %s', (file) => {
    const lines = linesOf(readFileSync(file, 'utf8'));
    expect(lines.flatMap((line, index) => complaints(`${file}:${index + 1}`, line))).toEqual([]);
  });

  it('are not in the texts of the program and of the sandbox', () => {
    const found = [...filesIn('src', '.ts'), ...filesIn('sandbox', '.ts')].flatMap((file) => {
      const content = readFileSync(file, 'utf8');
      if (complaints(file, content).length === 0) return [];
      return literalsOf(file, content).flatMap(({ line, text }) => complaints(`${file}:${line}`, text));
    });
    expect(found).toEqual([]);
  }, 60_000);
});
