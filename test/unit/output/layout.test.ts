import width from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import { Layout, usableWidth } from '../../../src/output/layout.ts';

const stringWidth = (text: string): number => width(text);
const narrow = new Layout({ width: 40 });
const plain = new Layout();
const ascii = new Layout({ width: 40, unicode: false });

describe('the width of a layout', () => {
  it.each([
    [undefined, 80],
    [0, 80],
    [20, 40],
    [120, 120],
    [500, 500],
  ])('of a stream with %s columns is %i', (columns, usable) => {
    expect(usableWidth(columns === undefined ? {} : { columns })).toBe(usable);
  });

  it('is smaller in an indented part, and leaves room for a word at any depth', () => {
    expect(narrow.indented(4, (inner) => [String(inner.width)])).toEqual(['    36']);
    expect(narrow.indented(100, (inner) => [String(inner.width)])[0]?.trim()).toBe('20');
  });
});

describe('a paragraph', () => {
  it('breaks at spaces and stands behind its label', () => {
    const text = 'AWS refuses the key of the user because the key is disabled.';
    expect(narrow.wrap(text, { first: '    why: ' })).toEqual([
      '    why: AWS refuses the key of the user',
      '         because the key is disabled.',
    ]);
  });

  it('keeps a command in backquotes on one line', () => {
    expect(narrow.wrap('Check the pods, then run `ecr-bootstrap up --only images`.')).toEqual([
      'Check the pods, then run',
      '`ecr-bootstrap up --only images`.',
    ]);
  });

  it.each([
    ['Check the logs: kubectl -n external-secrets logs deployment/external-secrets', 'Check the logs:'],
    ['kubectl -n external-secrets logs deployment/external-secrets', 'fix:'],
    ['Delete it (kubectl -n external-secrets delete deployment external-secrets), then wait.', 'Delete it'],
  ])('gives a command that is wider than the terminal a line of its own: %s', (text, before) => {
    const lines = narrow.wrap(text, { first: 'fix: ' }).map((line) => line.trim());
    expect(lines[0]).toBe(text.startsWith('kubectl') ? 'fix:' : `fix: ${before}`);
    expect(lines[1]).toMatch(/^\(?kubectl -n external-secrets \w+ deployment[/ ]external-secrets\)?,?$/);
  });

  it('breaks prose after a command', () => {
    const text = 'Remove it: kubectl edit pod web. Then run the same command again.';
    expect(narrow.wrap(text)).toEqual([
      'Remove it: kubectl edit pod web. Then',
      'run the same command again.',
    ]);
  });

  it('breaks a word that is wider than a line, and loses no character of it', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    const lines = narrow.wrap(`the digest is ${digest} now`, { first: '! ' });
    expect(Math.max(...lines.map(stringWidth))).toBe(40);
    expect(lines.join('').replaceAll(' ', '')).toBe(`!thedigestis${digest}now`);
  });

  it('breaks untrusted text in backquotes, which is not a command', () => {
    const text = `\`${'x'.repeat(100)}\``;
    expect(Math.max(...narrow.wrap(text).map(stringWidth))).toBe(40);
  });

  it('breaks at a no-break space, which cannot make a line too wide', () => {
    expect(Math.max(...narrow.wrap('word\u00a0'.repeat(50)).map(stringWidth))).toBeLessThanOrEqual(40);
  });

  it('measures wide characters as two columns and colors as none', () => {
    const { red, text } = { red: '\u001b[31m語語語語\u001b[39m', text: '語語語語 '.repeat(10) };
    expect(narrow.wrap(`${red} ${text}`).map(stringWidth)).toEqual([35, 35, 26]);
  });

  it('never divides an emoji or a color when it breaks a word', () => {
    const family = '👩‍👩‍👧‍👦';
    const lines = narrow.wrap(`\u001b[31m${family.repeat(45)}\u001b[39m`);
    expect(lines.join('')).toBe(`\u001b[31m${family.repeat(45)}\u001b[39m`);
    for (const line of lines) expect(line.replace(/\u001b\[3[19]m/g, '').replaceAll(family, '')).toBe('');
  });
});

describe('a shortened reference', () => {
  const reference = 'ghcr.io/external-secrets/charts/external-secrets:v0.12.1';

  it('stays whole if it fits', () => expect(plain.shorten(reference, 56)).toBe(reference));

  it('keeps its host and its tag', () => {
    expect(plain.shorten(reference, 41)).toBe('ghcr.io/…/charts/external-secrets:v0.12.1');
    expect(plain.shorten(reference, 30)).toMatch(/^ghcr\.io\/….*-secrets:v0\.12\.1$/);
  });

  it('keeps its host and the end of its digest', () => {
    const digest = `sha256:${'a'.repeat(60)}1234`;
    expect(plain.shorten(`ghcr.io/acme/web@${digest}`, 30)).toMatch(/^ghcr\.io\/…a+1234$/);
  });

  it('keeps the folder and the name of a file', () => {
    expect(plain.shorten(`/srv/${'team/'.repeat(12)}ecr-bootstrap.yaml`, 40)).toBe(
      '/srv/…/team/team/team/ecr-bootstrap.yaml',
    );
  });

  it.each([4, 10, 20, 33, 40])('is at most %i columns wide, whatever it contains', (room) => {
    const names = [reference, '語'.repeat(60), `ns/${'語'.repeat(60)}`, 'x'.repeat(10_000), '/'.repeat(90)];
    for (const layout of [plain, ascii]) {
      for (const name of names) {
        expect(stringWidth(layout.shorten(name, room))).toBeLessThanOrEqual(room);
        expect(stringWidth(layout.truncate(name, room))).toBeLessThanOrEqual(room);
      }
    }
  });
});

describe('a table', () => {
  const rows = [
    ['docker.io/library/nginx:1.27', 'yes', 'Deployment shop/web'],
    ['ghcr.io/acme/platform/web-frontend:2.1', 'missing', 'Deployment team-000/web-frontend'],
  ];
  const columns = [
    { title: 'IMAGE', min: 20 },
    { title: 'IN ECR', fit: 'never' },
    { title: 'USED BY' },
  ] as const;

  it('aligns its columns and does not pad the last one', () => {
    expect(
      plain.table(
        [
          ['a', 'bb', 'c'],
          ['aaa', 'b', 'ccc'],
        ],
        [{}, {}, {}],
      ),
    ).toEqual(['a    bb  c', 'aaa  b   ccc']);
  });

  it('shortens the last column first, then the others, and keeps a column that must not shrink', () => {
    expect(new Layout({ width: 70 }).table(rows, columns)).toEqual([
      'IMAGE                                   IN ECR   USED BY',
      'docker.io/library/nginx:1.27            yes      Deployment shop/web',
      'ghcr.io/acme/platform/web-frontend:2.1  missing  Deploy…/web-frontend',
    ]);
    const [, , last = ''] = narrow.table(rows, columns);
    expect(stringWidth(last)).toBeLessThanOrEqual(40);
    expect(last).toMatch(/^ghcr\.io\/…\S*:2\.1 +missing {2}\S+…\S+$/);
  });

  it('is as wide as its cells with --wide', () => {
    const wide = new Layout({ width: 40, wide: true });
    expect(wide.table(rows, columns)[2]).toBe(
      'ghcr.io/acme/platform/web-frontend:2.1  missing  Deployment team-000/web-frontend',
    );
  });

  it('wraps prose in its last column', () => {
    const prose = 'the value must be the name of an AWS region';
    expect(narrow.table([['aws.region', prose]], [{ fit: 'never' }, { fit: 'wrap' }])).toEqual([
      'aws.region  the value must be the name',
      '            of an AWS region',
    ]);
  });

  it('colors cells without changing their width', () => {
    const paint = (text: string): string => `\u001b[31m${text}\u001b[39m`;
    expect(
      plain.table(
        [
          [{ text: 'ab', paint }, 'c'],
          ['語語', 'd'],
        ],
        [{}, {}],
      ),
    ).toEqual(['\u001b[31mab\u001b[39m    c', '語語  d']);
  });

  it('aligns numbers on the right', () => {
    expect(
      plain.table(
        [
          ['9 MB', 'a'],
          ['142 MB', 'b'],
        ],
        [{ align: 'right' }, {}],
      ),
    ).toEqual(['  9 MB  a', '142 MB  b']);
  });

  it('fits the width even if every column must become tiny', () => {
    const row = Array.from({ length: 6 }, () => '語'.repeat(50));
    const lines = narrow.table(
      [row],
      row.map(() => ({ min: 20 })),
    );
    expect(Math.max(...lines.map(stringWidth))).toBeLessThanOrEqual(40);
  });
});

describe('a terminal without Unicode', () => {
  it('gets ASCII marks', () => {
    expect(Object.values(ascii.marks).join('')).toMatch(/^[\x20-\x7e]+$/);
    expect(ascii.marks.arrow).toBe('->');
  });

  it('gets ASCII characters in texts of this program, measured as such', () => {
    const [line] = ascii.table([['3 × namespace, …']], [{}]);
    expect(line).toBe('3 x namespace, ...');
    expect(ascii.wrap('… '.repeat(20)).map(stringWidth)).toEqual([39, 39]);
  });

  it('keeps the characters of names', () => expect(ascii.wrap('名前/ü')).toEqual(['名前/ü']));
});
