import { posix } from 'node:path';
import { docsPage } from '../core/paths.ts';

/** The folder of the docs that links in texts are relative to. */
const folder = 'reference';

/** A text of the docs for a terminal: without bold type, and with the page of each link in parentheses. */
export const withoutMarkup = (markdown: string): string =>
  markdown
    .replaceAll('**', '')
    .replace(
      /\[([^\]]+)\]\(([^)]+)\)/g,
      (_, label: string, target: string) => `${label} (${docsPage(posix.join(folder, target))})`,
    );
