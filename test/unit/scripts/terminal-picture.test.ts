import { describe, expect, it } from 'vitest';
import { runsOf, terminalPicture } from '../../../scripts/terminal-picture.ts';

describe('the parts of a line of output', () => {
  it('have the formats and the columns that they have on a terminal', () => {
    const line = '\u001b[32m✓\u001b[39m \u001b[1mAWS    \u001b[22m2 users  \u001b[2m0.1s\u001b[22m';
    expect(runsOf(line)).toEqual([
      { column: 0, text: '✓', formats: ['good'] },
      { column: 2, text: 'AWS', formats: ['bold'] },
      { column: 9, text: '2 users', formats: [] },
      { column: 18, text: '0.1s', formats: ['dim'] },
    ]);
  });

  it('keep an outer format when an inner one ends', () => {
    expect(runsOf('\u001b[2ma \u001b[31mb\u001b[39m c\u001b[22m').map(({ formats }) => formats)).toEqual([
      ['dim'],
      ['dim', 'bad'],
      ['dim'],
    ]);
  });

  it('do not include the movements of the cursor at a question', () => {
    expect(runsOf('\u001b[1G\u001b[0JApply? [y/N] y\r')).toEqual([
      { column: 0, text: 'Apply? [y/N] y', formats: [] },
    ]);
  });

  it('cannot have a color that the picture does not know', () => {
    expect(() => runsOf('\u001b[36mcyan\u001b[39m')).toThrow('SGR 36');
  });
});

describe('the picture of a session', () => {
  const lines = (count: number, pauseSeconds: number) =>
    Array.from({ length: count }, (_, index) => ({ text: `line-${index}`, pauseSeconds }));

  it('shows text that has the form of markup as text', () => {
    const picture = terminalPicture('a & b', [{ text: 'mirror <image>', pauseSeconds: 0 }]);
    expect(picture).toContain('<title>a &amp; b</title>');
    expect(picture).toContain('>mirror &lt;image&gt;</text>');
  });

  it('shows lines together that have no pause between them', () => {
    const picture = terminalPicture('', [...lines(2, 0), { text: 'later', pauseSeconds: 3 }]);
    const groups = [...picture.matchAll(/<g id="m\d+">([\s\S]*?)<\/g>/g)].map(([, inner = '']) =>
      [...inner.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text),
    );
    expect(groups).toEqual([['line-0', 'line-1'], ['later']]);
    // The later line appears after 3 of the 10 seconds.
    expect(picture).toContain('@keyframes m1{0%{visibility:hidden}30%{visibility:visible}}');
  });

  it('shows the end of the session without animation', () => {
    const picture = terminalPicture('', lines(30, 1));
    const [still = '', animated = ''] = picture.split('@media (prefers-reduced-motion:no-preference)');
    // The window has 26 lines of 20 pixels.
    expect(still).toContain('#scroll{transform:translateY(-80px)}');
    expect(still).not.toContain('visibility');
    expect(animated).toContain('100%{transform:translateY(-80px)}'.slice(5));
  });

  it('is the same for the same session', () => {
    expect(terminalPicture('', lines(40, 0.1))).toBe(terminalPicture('', lines(40, 0.1)));
  });
});
