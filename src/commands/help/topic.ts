import type { Layout } from '../../output/layout.ts';
import { withoutMarkup } from '../../output/markup.ts';

/** A page of `ecr-bootstrap help TOPIC`. The reference in the docs is generated from the same page. */
export interface HelpTopic {
  readonly name: string;
  readonly title: string;
  readonly sections: readonly HelpSection[];
}

export interface HelpSection {
  readonly heading?: string;
  /** What the entries are, for the head of a table: `Variable`. */
  readonly columns?: readonly [string, string];
  readonly entries?: readonly HelpEntry[];
  /** Paragraphs in Markdown. */
  readonly notes?: readonly string[];
}

/** Names that mean the same, for example `['HTTPS_PROXY', 'HTTP_PROXY']`, and their explanation in Markdown. */
export type HelpEntry = readonly [names: readonly string[], about: string];

/** The page as text. */
export const topicText = ({ title, sections }: HelpTopic, layout: Layout): string =>
  [title, ...sections.flatMap((section) => sectionTexts(section, layout))].join('\n\n');

/** The list of a section, and its notes. */
function sectionTexts({ heading, entries = [], notes = [] }: HelpSection, layout: Layout): string[] {
  const list = [
    ...(heading === undefined ? [] : [heading]),
    ...layout.indented(2, (inner) => entryLines(entries, inner)),
  ];
  const paragraphs = notes.map((note) => layout.wrap(withoutMarkup(note)).join('\n'));
  return [list.join('\n'), ...paragraphs].filter(Boolean);
}

/** Longer names have their explanation on the next line, as all names have on a narrow terminal. */
const maxNameWidth = 24;
const minAboutWidth = 30;

function entryLines(entries: readonly HelpEntry[], layout: Layout): string[] {
  const rows = entries.map(([names, about]) => [names.join(', '), withoutMarkup(about)] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return width <= maxNameWidth && layout.width - width >= minAboutWidth
    ? layout.table(rows, [{ fit: 'never' }, { fit: 'wrap' }])
    : rows.flatMap(([name, about]) => [...layout.wrap(name), ...layout.wrap(about, { first: '  ' })]);
}
