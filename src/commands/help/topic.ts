import { Help } from 'commander';
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

/** The page as text that is not wider than `width`, unless a single word is. */
export function topicText({ title, sections }: HelpTopic, width: number): string {
  const help = new Help();
  help.helpWidth = width;
  help.minWidthToWrap = 1;
  return [title, ...sections.flatMap((section) => sectionTexts(section, help))].join('\n\n');
}

/** The list of a section, and its notes. */
function sectionTexts({ heading, entries = [], notes = [] }: HelpSection, help: Help): string[] {
  const list = [...(heading === undefined ? [] : [heading]), ...entryLines(entries, help)];
  const paragraphs = notes.map((note) => wrapped(withoutMarkup(note), help, ''));
  return [list.join('\n'), ...paragraphs].filter(Boolean);
}

/** Longer names have their explanation on the next line, as all names have on a narrow terminal. */
const maxNameWidth = 24;
const minAboutWidth = 30;

function entryLines(entries: readonly HelpEntry[], help: Help): string[] {
  const rows = entries.map(([names, about]) => [names.join(', '), withoutMarkup(about)] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  const room = (help.helpWidth ?? 0) - width;
  return width <= maxNameWidth && room >= minAboutWidth
    ? rows.map(([name, about]) => help.formatItem(name, width, about, help))
    : rows.flatMap(([name, about]) => [wrapped(name, help, '  '), wrapped(about, help, '    ')]);
}

function wrapped(text: string, help: Help, margin: string): string {
  const width = (help.helpWidth ?? 0) - margin.length;
  return help.boxWrap(text, width).replace(/^/gm, margin);
}
