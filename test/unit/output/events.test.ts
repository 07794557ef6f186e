import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Event } from '../../../src/core/step.ts';
import { eventLines } from '../../../src/output/events.ts';
import { Layout } from '../../../src/output/layout.ts';

const [layout, step] = [new Layout(), 'service-accounts'];
const change = { action: 'update', target: { kind: 'ServiceAccount', name: 'a/b' }, fields: [] } as const;
const lines = (event: Event, how: { verbose?: boolean; screen?: boolean } = {}): string[] =>
  eventLines(event, layout, { verbose: false, screen: false, ...how });

describe('the progress of a run', () => {
  const done = { type: 'step-done', step, title: 'service accounts', milliseconds: 1234 } as const;

  it('has one line for a step, with its changes by action and its duration', () => {
    expect(lines({ ...done, made: { create: 2, update: 1000 } })).toEqual([
      '✓ service accounts                              2 created, 1000 updated     1.2s',
    ]);
  });

  it('mentions a step that changed nothing only when verbose', () => {
    expect(lines({ ...done, made: {} })).toEqual([]);
    expect(lines({ ...done, made: {} }, { verbose: true })[0]).toContain('no change');
  });

  it.each([true, false])('has a line for each object only when verbose (terminal: %s)', (screen) => {
    const events: readonly Event[] = [
      { type: 'change-done', step, outcome: { change, result: 'done' } },
      { type: 'change-found', step, change },
    ];
    expect(events.flatMap((event) => lines(event, { screen }))).toEqual([]);
    expect(events.flatMap((event) => lines(event, { screen, verbose: true }))).toEqual([
      '  updated ServiceAccount a/b',
      '  also updating ServiceAccount a/b (found during this run)',
    ]);
  });

  it('has one line for a failure, whose reason and fix are in the result', () => {
    const error = new BootstrapError({ code: 'not-ready', what: 'a', why: 'b', hint: 'c' });
    const events: readonly Event[] = [
      { type: 'change-done', step, outcome: { change, result: 'failed', error } },
      { type: 'member-failed', step, failure: { target: change.target, error } },
    ];
    const line = '  ✗ ServiceAccount a/b failed [not-ready]';
    expect(events.flatMap((event) => lines(event, {}))).toEqual([line, line]);
  });

  it('writes to a pipe every ten seconds what a run waits for, and for how long', () => {
    const waiting = (seconds: number) => lines({ type: 'waiting', step, what: 'the webhook', seconds });
    expect([waiting(5), waiting(20)]).toEqual([[], ['  waiting for the webhook (20s)']]);
  });
});
