import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/output/layout.ts';
import { Redraw } from '../../../src/output/redraw.ts';

function redrawn(inPlace: boolean, size: { columns?: number; rows?: number }, texts: readonly string[][]) {
  const stream = Object.assign(new PassThrough(), size);
  const redraw = new Redraw(stream, inPlace);
  for (const lines of texts) redraw.show(lines, new Layout());
  return String(stream.read());
}

describe('looks of a watch', () => {
  it('replace each other on a terminal', () => {
    expect(redrawn(true, { columns: 80, rows: 24 }, [['one', 'two'], ['three']])).toBe(
      '\r\u001b[0Jone\ntwo\n\r\u001b[2A\u001b[0Jthree\n',
    );
  });

  it('follow each other after an empty line in a pipe', () => {
    expect(redrawn(false, {}, [['one'], ['two']])).toBe('one\n\ntwo\n');
  });

  it('account for lines that the terminal breaks', () => {
    expect(redrawn(true, { columns: 4, rows: 24 }, [['123456789'], ['x']])).toContain('\u001b[3A');
  });

  it('are cut to the height of the terminal, and keep their last line', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const shown = redrawn(true, { columns: 80, rows: 10 }, [lines]).split('\n');
    expect(shown).toHaveLength(10);
    expect(shown.slice(-3)).toEqual(['… 22 more lines', 'line 29', '']);
  });

  it('stay on the screen if other output follows them', () => {
    const stream = Object.assign(new PassThrough(), { columns: 80, rows: 24 });
    const redraw = new Redraw(stream, true);
    redraw.show(['one'], new Layout());
    redraw.forget();
    redraw.show(['two'], new Layout());
    expect(String(stream.read())).not.toMatch(/\[\dA/);
  });
});
