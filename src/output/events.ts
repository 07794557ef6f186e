import { type Event, nameOf } from '../plan/index.ts';
import type { Style } from './style.ts';
import { formatDuration } from './units.ts';

const doing = { create: 'created', update: 'updated', replace: 'replaced', delete: 'deleted' } as const;

/** Lines that an event leaves behind. With a live line, what is only under way is shown there instead. */
export function eventLines(event: Event, style: Style, how: { verbose: boolean; live: boolean }): string[] {
  switch (event.type) {
    case 'step-started':
      return how.verbose ? [style.dim(`${event.step}: ${event.title}`)] : [];
    case 'step-done': {
      if (event.changed === 0 && !how.verbose) return [];
      const time = style.dim(formatDuration(event.milliseconds));
      return [`${style.good('✓')} ${event.step} ${time}`];
    }
    case 'found-on-the-way':
      return [`  ${style.warn('found on the way:')} ${event.change.action} ${nameOf(event.change.target)}`];
    case 'change-done':
      return outcomeLines(event, style, how.verbose);
    case 'waiting':
      // Without a live line, one plain line in ten seconds tells that the run is alive.
      return how.live || event.seconds % 10 !== 0 ? [] : [style.dim(`  waiting for ${event.what}`)];
    case 'finding':
      return [`  ${style.warn('!')} ${event.finding.what}: ${event.finding.why}`];
    case 'note':
      return [`  ${event.text}`];
    case 'detail':
      return how.verbose ? [style.dim(`  ${event.text}`)] : [];
    case 'progress':
    case 'change-started':
      return [];
  }
}

function outcomeLines(
  event: Extract<Event, { type: 'change-done' }>,
  style: Style,
  verbose: boolean,
): string[] {
  const { outcome } = event;
  const target = nameOf(outcome.change.target);
  if (outcome.result === 'skipped') return verbose ? [style.dim(`  skipped ${target}`)] : [];
  if (outcome.result === 'failed') return [`  ${style.bad('✗')} ${target}: ${outcome.error.why}`];
  const detail = outcome.detail ? style.dim(`  ${outcome.detail}`) : '';
  return [`  ${doing[outcome.change.action]} ${target}${detail}`];
}
