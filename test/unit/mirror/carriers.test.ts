import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/clients/registry/digest.ts';
import { type Candidate, carriersOf } from '../../../src/mirror/registry/carriers.ts';

/** An image with these blobs: `base=100` has 100 bytes. Its repository has its name, unless it follows a slash. */
interface Named extends Candidate {
  readonly name: string;
}
function image(name: string, ...blobs: readonly string[]): Named {
  return {
    name,
    repository: name.split(':')[0] ?? name,
    blobs: blobs.map((text) => {
      const [content = '', size] = text.split('=');
      return { digest: digestOf(Buffer.from(content)), mediaType: '', size: Number(size) };
    }),
  };
}

const chosen = (images: readonly Named[], isNew: Parameters<typeof carriersOf>[1] = () => true) =>
  carriersOf(images, isNew).map(({ name }) => name);

describe('the images that are copied first', () => {
  it('are none when no two repositories share a blob', () => {
    expect(chosen([image('a', 'x=9'), image('b', 'y=9')])).toEqual([]);
    expect(chosen([image('a:1', 'x=9'), image('a:2', 'x=9')])).toEqual([]);
  });

  it('are the one with the fewest own bytes when all share the same blobs', () => {
    const images = [
      image('a', 'base=100', 'a=50'),
      image('b', 'base=100', 'b=10'),
      image('c', 'base=100', 'c=90'),
    ];
    expect(chosen(images)).toEqual(['b']);
  });

  it('are few: an image that has the blobs of two groups comes before those that have the blobs of one', () => {
    const images = [
      image('plain', 'base=100', 'plain=40'),
      image('python-1', 'base=100', 'python=100', 'one=20'),
      image('python-2', 'base=100', 'python=100', 'two=30'),
    ];
    expect(chosen(images)).toEqual(['python-1']);
  });

  it('have all shared blobs together', () => {
    const images = [
      image('a', 'base=100', 'a=1'),
      image('b', 'base=100', 'java=100', 'b=1000'),
      image('c', 'java=100', 'c=2000'),
    ];
    expect(chosen(images)).toEqual(['a', 'b']);
  });

  it('do not include a large image whose shared blobs smaller ones have', () => {
    const images = [
      image('huge', 'x=100', 'y=100', 'huge=10000'),
      image('a', 'x=100', 'a=1'),
      image('b', 'y=100', 'b=1'),
    ];
    expect(chosen(images)).toEqual(['a', 'b']);
  });

  it('do not count a blob that is on its way already, nor one with another length', () => {
    const images = [image('a', 'x=9'), image('b', 'x=9')];
    expect(chosen(images, () => false)).toEqual([]);
    expect(chosen([image('a', 'x=9'), image('b', 'x=8')])).toEqual([]);
  });

  it('include the source of empty blobs', () => {
    expect(chosen([image('a', 'empty=0'), image('b', 'empty=0')])).toEqual(['a']);
  });
});
