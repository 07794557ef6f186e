import type { Style } from '../style.ts';
import { columns } from '../units.ts';
import type { Verbosity } from '../reporter.ts';
import type { MirrorRow, View } from '../view.ts';
import { imageLines, mirrorLines } from './images.ts';
import { planLines } from './plan.ts';
import { resultLines } from './result.ts';
import { statusLines } from './status.ts';

/** What a view looks like as text. */
export async function viewLines(view: View, style: Style, verbosity: Verbosity): Promise<string[]> {
  const verbose = verbosity === 'verbose';
  switch (view.type) {
    case 'plan':
      return verbosity === 'quiet' ? [] : planLines(view.data, style, verbose);
    case 'result':
      return resultLines(view.data, style);
    case 'status':
      return statusLines(view.data, style, verbose);
    case 'mirror':
      return verbosity === 'quiet' ? targets(view.data.images) : mirrorLines(view.data, style);
    case 'images':
      return verbosity === 'quiet' ? view.data.images.map(({ source }) => source) : imageLines(view.data);
    case 'config':
      return columns(
        view.data.values.map(({ key, value, origin }) => [key, JSON.stringify(value), `(${origin})`]),
      );
    case 'objects':
      return [await yamlOf(view.data.objects)];
    case 'document':
      return [JSON.stringify(view.data.document, undefined, 2)];
    case 'text':
      return [view.data.text];
  }
}

/** One reference a line, for `kubectl set image`. */
const targets = (images: readonly MirrorRow[]): string[] =>
  images.flatMap(({ state, target }) => (state === 'failed' || target === undefined ? [] : [target]));

async function yamlOf(objects: readonly object[]): Promise<string> {
  const { dump } = await import('js-yaml');
  return objects
    .map((object) => `---\n${dump(object, { noRefs: true, lineWidth: 120 })}`)
    .join('')
    .trimEnd();
}
