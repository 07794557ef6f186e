import type { Event } from '../core/step.ts';
import { nameOf } from '../core/target.ts';
import type { Layout } from './layout.ts';
import type { Style } from './style.ts';
import { formatBytes, formatDuration, plural } from './units.ts';
import { findingLines } from './views/finding.ts';

const underWay = {
  create: 'creating',
  update: 'updating',
  replace: 'replacing',
  delete: 'deleting',
} as const;
const verbs = { create: 'created', update: 'updated', replace: 'replaced', delete: 'deleted' } as const;

/** The lines that an event prints. A terminal gets one line per step, a pipe one line per change. */
export function eventLines(
  event: Event,
  layout: Layout,
  how: { verbose: boolean; screen: boolean },
): string[] {
  const { style } = layout;
  switch (event.type) {
    case 'step-started':
      return how.verbose ? [style.dim(`${event.step}: ${event.title}`)] : [];
    case 'step-done': {
      if (event.changed === 0 && !how.verbose) return [];
      const count = plural(event.changed, 'change').padEnd(10);
      const time = style.dim(`${count}  ${formatDuration(event.milliseconds)}`);
      return [`${style.good('✓')} ${event.step.padEnd(26)}${time}`];
    }
    case 'found-on-the-way':
      return [
        `  ${style.warn(`also ${underWay[event.change.action]}`)} ${nameOf(event.change.target)} (found during this run)`,
      ];
    case 'no-longer-needed': {
      const { action, target } = event.change;
      return [`  ${style.warn('no longer needed:')} ${action} ${nameOf(target)}`];
    }
    case 'change-done':
      return outcomeLines(event, style, how);
    case 'member-failed': {
      const { target, error } = event.failure;
      return [
        `  ${style.bad('✗')} ${nameOf(target)}: ${error.why} ${style.dim(`[${error.code}]`)}`,
        `      ${style.dim('fix:')} ${error.hint}`,
      ];
    }
    case 'waiting':
      // One line every ten seconds shows in a log that the run is active. A terminal has the live line.
      return how.screen || event.seconds === 0 || event.seconds % 10 !== 0
        ? []
        : [style.dim(`  waiting for ${event.what}`)];
    case 'finding':
      return layout.indented(2, (inner) => findingLines(event.finding, inner));
    case 'note':
      return [`  ${event.text}`];
    case 'detail':
      return how.verbose ? [style.dim(`  ${event.text}`)] : [];
    case 'image-done':
      return how.screen && !how.verbose ? [] : [imageLine(event, style)];
    case 'progress':
    case 'change-started':
      return [];
  }
}

function imageLine(
  { source, state, bytesSent, seconds, error }: Extract<Event, { type: 'image-done' }>,
  style: Style,
): string {
  if (error)
    return `  ${style.bad('failed'.padEnd(11))}${source}: ${error.why} ${style.dim(`[${error.code}]`)}`;
  const sent = bytesSent > 0 ? `${formatBytes(bytesSent)} sent, ` : '';
  return `  ${state.padEnd(11)}${source}  ${style.dim(`${sent}${formatDuration(seconds * 1000)}`)}`;
}

function outcomeLines(
  { outcome }: Extract<Event, { type: 'change-done' }>,
  style: Style,
  { verbose, screen }: { verbose: boolean; screen: boolean },
): string[] {
  const target = nameOf(outcome.change.target);
  if (outcome.result === 'skipped') return verbose ? [style.dim(`  skipped ${target}`)] : [];
  if (outcome.result === 'unknown') return [];
  if (outcome.result === 'failed') {
    const { why, code } = outcome.error;
    return [`  ${style.bad('✗')} ${target}: ${why} ${style.dim(`[${code}]`)}`];
  }
  if (screen && !verbose) return [];
  const detail = outcome.detail ? style.dim(`  ${outcome.detail}`) : '';
  return [`  ${verbs[outcome.change.action]} ${target}${detail}`];
}
