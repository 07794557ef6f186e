import type { Event, MemberFailure } from '../core/step.ts';
import { nameOf } from '../core/target.ts';
import type { Layout } from './layout.ts';
import { formatBytes, formatDuration } from './units.ts';
import { actions, pastOf } from './views/changes.ts';
import { findingLines } from './views/finding.ts';

const underWay = {
  create: 'creating',
  update: 'updating',
  replace: 'replacing',
  delete: 'deleting',
} as const;

/** The lines that an event prints: one line per step that changed something. `verbose` adds one line per change. */
export function eventLines(
  event: Event,
  layout: Layout,
  how: { verbose: boolean; screen: boolean },
): string[] {
  const { style, marks } = layout;
  /** An indented paragraph. */
  const text = (words: string, mark = ''): string[] =>
    layout.wrap(words, { first: `  ${mark}`, rest: '    ' });
  const dim = (lines: readonly string[]): string[] => lines.map(style.dim);
  switch (event.type) {
    case 'step-started':
      return how.verbose ? dim(layout.wrap(`${event.step}: ${event.title}`)) : [];
    case 'step-done': {
      const counts = actions.flatMap((action) =>
        event.made[action] ? `${event.made[action]} ${pastOf[action]}` : [],
      );
      if (counts.length === 0 && !how.verbose) return [];
      const made = layout.pad(counts.join(', ') || 'no change', madeWidth);
      const time = layout.pad(formatDuration(event.milliseconds), timeWidth, 'right');
      // A mark and three gaps.
      const room = Math.min(layout.width - madeWidth - timeWidth - 6, titleWidth);
      const title = layout.pad(layout.truncate(event.title, room), room);
      return [`${style.good(marks.ok)} ${title}  ${style.dim(`${made}  ${time}`)}`];
    }
    case 'change-found': {
      if (!how.verbose) return [];
      const { action, target } = event.change;
      return text(`${style.warn(`also ${underWay[action]}`)} ${nameOf(target)} (found during this run)`);
    }
    case 'no-longer-needed': {
      const { action, target } = event.change;
      return text(`${style.warn('no longer needed:')} ${action} ${nameOf(target)}`);
    }
    case 'change-done':
      return outcomeLines(event, layout, how);
    case 'member-failed':
      return failureLines(event.failure, layout);
    case 'waiting':
      // One line every ten seconds shows in a log that the run is active. A terminal has the live line.
      return how.screen || event.seconds === 0 || event.seconds % 10 !== 0
        ? []
        : dim(text(`waiting for ${event.what} (${formatDuration(event.seconds * 1000)})`));
    case 'finding':
      return layout.indented(2, (inner) => findingLines(event.finding, inner));
    case 'note':
      return text(event.text);
    case 'detail':
      return how.verbose ? dim(text(event.text)) : [];
    case 'image-done':
      return how.screen && !how.verbose ? [] : imageLines(event, layout);
    case 'progress':
    case 'change-started':
      return [];
  }
}

/** Columns of a step that is done: its title, `12 created, 3 updated`, and its duration. */
const [titleWidth, madeWidth, timeWidth] = [44, 22, 7];

function imageLines(
  { source, state, bytesSent, seconds, error }: Extract<Event, { type: 'image-done' }>,
  layout: Layout,
): string[] {
  const { style } = layout;
  // The result lists failures with their reasons and fixes.
  if (error) return [];
  const sent = bytesSent > 0 ? `${formatBytes(bytesSent)} sent, ` : '';
  const rest = `${sent}${formatDuration(seconds * 1000)}`;
  const room = layout.width - stateWidth - rest.length - 4;
  return [`  ${layout.pad(state, stateWidth)}${layout.shorten(source, room)}  ${style.dim(rest)}`];
}

/** Columns of `would-copy` and a space. */
const stateWidth = 11;

/** One line. The result, or the error that ends the run, has the reason and the fix. */
const failureLines = ({ target, error }: MemberFailure, layout: Layout): string[] =>
  layout.wrap(`${nameOf(target)} failed ${layout.style.dim(`[${error.code}]`)}`, {
    first: `  ${layout.style.bad(layout.marks.failed)} `,
    rest: '    ',
  });

function outcomeLines(
  { outcome }: Extract<Event, { type: 'change-done' }>,
  layout: Layout,
  { verbose }: { verbose: boolean },
): string[] {
  const { style } = layout;
  const target = nameOf(outcome.change.target);
  const text = (words: string, mark = ''): string[] =>
    layout.wrap(words, { first: `  ${mark}`, rest: '    ' });
  if (outcome.result === 'skipped') return verbose ? text(`skipped ${target}`).map(style.dim) : [];
  if (outcome.result === 'unknown') return [];
  if (outcome.result === 'failed') {
    return failureLines({ target: outcome.change.target, error: outcome.error }, layout);
  }
  if (!verbose) return [];
  const detail = outcome.detail ? ` ${style.dim(`(${outcome.detail})`)}` : '';
  return text(`${pastOf[outcome.change.action]} ${target}${detail}`);
}
