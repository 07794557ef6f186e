import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../src/core/error-codes.ts';
import { findingCodes } from '../../../src/core/finding-codes.ts';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'bench/README.md', 'test/lab/README.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const read = (file: string): string => readFileSync(file, 'utf8');

/** The anchors that GitHub gives the headings of a page. */
const anchorsOf = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** What a link of a page leads to, if it leads nowhere. */
function isBroken(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
}

describe('links', () => {
  it.each(pages)('of %s lead to a file and a heading that exist', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const internal = targets.filter((target) => !/^[a-z]+:/.test(target));
    expect(internal.filter((target) => isBroken(page, target))).toEqual([]);
  });

  it('in code spans lead contributors to source files and folders that exist', () => {
    const contributors = ['CONTRIBUTING.md', 'docs/internals/design.md', 'docs/internals/testing.md']
      .map(read)
      .join();
    const paths = [...contributors.matchAll(/`((?:src|test|sandbox|scripts|manifests)\/[a-z0-9./-]*)`/g)];
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.map(([, path = '']) => path).filter((path) => !existsSync(path))).toEqual([]);
  });

  it('that the program prints lead to a page and a heading that exist', () => {
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(join('src', name)))
      .join('\n');
    const printed = [...source.matchAll(/docs(?:Page|Url)\('([^']+)'\)/g)].map(([, page = '']) => page);
    expect(printed.length).toBeGreaterThan(2);
    expect(printed.filter((page) => isBroken('docs/README.md', page))).toEqual([]);
  });

  it('that the program prints with an error lead to the heading of its code', () => {
    const codes = [...Object.keys(errorCodes), ...Object.keys(findingCodes)];
    const broken = codes.filter((code) => isBroken('docs/README.md', `reference/errors.md#${code}`));
    expect(broken).toEqual([]);
  });

  it('lead from the start page of the docs to every page', () => {
    const start = existsSync('docs/README.md') ? read('docs/README.md') : '';
    const missing = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(missing.filter((page) => !start.includes(`(${page.slice('docs/'.length)})`))).toEqual([]);
  });
});
