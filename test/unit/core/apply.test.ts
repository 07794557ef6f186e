import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { AnyStep, Change, Event, Step } from '../../../src/core/step.ts';
import { applyPlan } from '../../../src/core/apply.ts';
import { inOrder } from '../../../src/core/members.ts';
import { makePlan } from '../../../src/core/plan.ts';

/** Named things that exist or do not, and steps that create them. */
class Things {
  readonly there = new Set<string>();
  readonly log: string[] = [];
  looks = 0;
  readonly #clock = { time: 0 };
  readonly clock: Clock = {
    now: () => this.#clock.time,
    sleep: (milliseconds) => {
      this.#clock.time += milliseconds;
      return Promise.resolve();
    },
  };

  step(
    id: string,
    wanted: (there: Set<string>) => readonly Change[],
    extra: Partial<Step<unknown, Things>> = {},
  ) {
    const step: AnyStep<Things> = {
      id,
      title: id,
      group: 'aws',
      needs: [],
      observe: () => {
        this.looks += 1;
        return Promise.resolve(new Set(this.there));
      },
      diff: (there: Set<string>) => ({ changes: wanted(there), findings: [] }),
      apply: (changes, _state, run) =>
        inOrder(changes, run, async (change) => {
          await Promise.resolve();
          this.log.push(`${change.action} ${change.target.name}`);
          if (change.action === 'delete') this.there.delete(change.target.name);
          else this.there.add(change.target.name);
        }),
      ...extra,
    };
    return step;
  }

  keeps(id: string, ...names: string[]): AnyStep<Things> {
    return this.step(id, (there) =>
      names.filter((name) => !there.has(name)).map((name) => change('create', name)),
    );
  }

  async run(steps: readonly AnyStep<Things>[], signal = new AbortController().signal) {
    const events: Event[] = [];
    const plan = await makePlan(steps, this);
    const emit = (event: Event) => void events.push(event);
    const result = await applyPlan(plan, { ctx: this, fresh: (ctx) => ctx, signal, emit });
    return { plan, result, events };
  }
}

const change = (action: Change['action'], name: string): Change => ({
  action,
  target: { kind: 'thing', name },
  fields: [],
});

describe('applyPlan', () => {
  it('applies the steps in the order of the list', async () => {
    const things = new Things();
    await things.run([things.keeps('one', 'a'), things.keeps('two', 'b', 'c')]);
    expect(things.log).toEqual(['create a', 'create b', 'create c']);
  });

  it('observes each step once when nothing has to be changed', async () => {
    const things = new Things();
    things.there.add('a').add('b');
    const { result } = await things.run([things.keeps('one', 'a'), things.keeps('two', 'b')]);
    expect(things.looks).toBe(2);
    expect(result.steps.map((step) => step.outcomes)).toEqual([[], []]);
  });

  it('observes the steps after a change again, and announces a target that was not in the plan', async () => {
    const things = new Things();
    const follower = things.step('two', (there) =>
      there.has('a') && !there.has('b') ? [change('create', 'b')] : [],
    );
    const { plan, events } = await things.run([things.keeps('one', 'a'), follower]);
    expect(plan[1]?.changes).toEqual([]);
    expect(things.log).toEqual(['create a', 'create b']);
    expect(events).toContainEqual({ type: 'change-found', step: 'two', change: change('create', 'b') });
  });

  it('leaves cleanup that was not in the plan to the next run, and does the cleanup that was', async () => {
    const things = new Things();
    things.there.add('old').add('older');
    const cleanup = things.step('two', (there) =>
      ['older', ...(there.has('a') ? ['old'] : [])]
        .filter((name) => there.has(name))
        .map((name) => ({ ...change('delete', name), postponable: true })),
    );
    const { result } = await things.run([things.keeps('one', 'a'), cleanup]);
    expect(result.error).toBeUndefined();
    expect(things.log).toEqual(['create a', 'delete older']);
  });

  it('stops before a deletion that was not in the plan', async () => {
    const things = new Things();
    things.there.add('precious');
    const eager = things.step('two', (there) => (there.has('a') ? [change('delete', 'precious')] : []));
    const { result } = await things.run([things.keeps('one', 'a'), eager]);
    expect(result.error?.code).toBe('plan-changed');
    expect(things.there).toContain('precious');
  });

  it('completes the rest of a planned deletion without stopping', async () => {
    const things = new Things();
    things.there.add('old');
    const cleaner = things.step('two', (there) => (there.has('old') ? [change('delete', 'old')] : []));
    const { result } = await things.run([things.keeps('one', 'a'), cleaner]);
    expect(result.error).toBeUndefined();
    expect(things.log).toEqual(['create a', 'delete old']);
  });

  it('reports a planned deletion that is no longer needed, and continues', async () => {
    const things = new Things();
    things.there.add('old');
    const cleaner = things.step('two', (there) => (there.has('old') ? [change('delete', 'old')] : []));
    const meddler = things.step('one', (there) => (there.has('a') ? [] : [change('create', 'a')]), {
      ready: () => Promise.resolve(void things.there.delete('old')),
    });
    const { result, events } = await things.run([meddler, cleaner]);
    expect(result.error).toBeUndefined();
    expect(events).toContainEqual({ type: 'no-longer-needed', step: 'two', change: change('delete', 'old') });
    expect(result.steps[1]?.outcomes).toEqual([{ change: change('delete', 'old'), result: 'skipped' }]);
  });

  it('reports a revocation that is no longer needed, even if its target changes in another way', async () => {
    const things = new Things();
    const revoking: Change = { ...change('update', 'key'), revokes: true };
    const keeper = things.step('two', (there) => [there.has('a') ? change('create', 'key') : revoking]);
    const { result } = await things.run([things.keeps('one', 'a'), keeper]);
    expect(result.steps[1]?.outcomes).toEqual([
      { change: revoking, result: 'skipped' },
      { change: change('create', 'key'), result: 'done' },
    ]);
  });

  describe('a step whose reads lag', () => {
    /** Observes the state of `looksBehind` observations ago. */
    const lagging = (
      things: Things,
      looksBehind: number,
      wanted: (there: Set<string>) => readonly Change[],
    ) => {
      const seen: Set<string>[] = [];
      return things.step('one', wanted, {
        readsLag: true,
        observe: () => {
          seen.push(new Set(things.there));
          return Promise.resolve(seen[Math.max(0, seen.length - 1 - looksBehind)]);
        },
      });
    };
    const missing = (there: Set<string>) => (there.has('a') ? [] : [change('create', 'a')]);

    it('is observed until it shows its changes', async () => {
      const things = new Things();
      const { result } = await things.run([lagging(things, 5, missing), things.keeps('two', 'b')]);
      expect(things.log).toEqual(['create a', 'create b']);
      expect(things.clock.now()).toBe(10_000);
      expect(result.steps[0]?.failures).toEqual([]);
    });

    it('is not waited for when it finds a change that it did not make', async () => {
      const things = new Things();
      things.there.add('old');
      const step = lagging(things, 0, (there) => [
        ...missing(there),
        ...(there.has('old') && there.has('a') ? [change('delete', 'old')] : []),
      ]);
      await things.run([step]);
      expect(things.clock.now()).toBe(0);
    });

    it('fails the run when it never shows a change, after all other steps are done', async () => {
      const things = new Things();
      const { result } = await things.run([lagging(things, Infinity, missing), things.keeps('two', 'b')]);
      expect(things.log).toEqual(['create a', 'create b']);
      expect(result.steps[0]?.failures).toMatchObject([
        {
          target: { name: 'a' },
          error: { code: 'not-ready', what: 'could not verify a change: create thing a' },
        },
      ]);
    });
  });

  it('waits for readiness of a step that had nothing to change', async () => {
    const things = new Things();
    things.there.add('a');
    let proven = false;
    const step = things.keeps('one', 'a');
    await things.run([{ ...step, ready: () => Promise.resolve(void (proven = true)) }]);
    expect(proven).toBe(true);
  });

  it('runs no step after one that failed, and returns the completed changes', async () => {
    const things = new Things();
    const failing = things.keeps('one', 'a');
    const apply: typeof failing.apply = (changes, _state, run) =>
      inOrder(changes, run, () => Promise.reject(denied));
    const { result } = await things.run([
      things.keeps('zero', 'z'),
      { ...failing, apply },
      things.keeps('two', 'b'),
    ]);
    expect(result.error).toBe(denied);
    expect(things.log).toEqual(['create z']);
    expect(result.steps.map((step) => step.step)).toEqual(['zero', 'one']);
  });

  it('continues after a tolerable failure, and lists it among the failures of its step', async () => {
    const things = new Things();
    const failing = things.keeps('one', 'a');
    const apply: typeof failing.apply = (changes) =>
      Promise.resolve(
        changes.map((each) => ({ change: each, result: 'failed' as const, error: denied, tolerable: true })),
      );
    const { result } = await things.run([{ ...failing, apply }, things.keeps('two', 'b')]);
    expect(result.error).toBeUndefined();
    expect(things.log).toEqual(['create b']);
    expect(result.steps[0]?.failures).toEqual([{ target: { kind: 'thing', name: 'a' }, error: denied }]);
  });

  it('continues after members that did not become ready, reports each, and lists them', async () => {
    const things = new Things();
    const failure = { target: { kind: 'thing', name: 'a' }, error: denied };
    const slow = { ...things.keeps('one', 'a', 'b'), ready: () => Promise.resolve([failure]) };
    const { result, events } = await things.run([slow, things.keeps('two', 'c')]);
    expect(things.log).toEqual(['create a', 'create b', 'create c']);
    expect(events).toContainEqual({ type: 'member-failed', step: 'one', failure });
    expect(result.steps.map(({ failures }) => failures)).toEqual([[failure], []]);
    expect(result.error).toBeUndefined();
  });

  it('ends after a step whose readiness check throws', async () => {
    const things = new Things();
    const broken = { ...things.keeps('one', 'a'), ready: () => Promise.reject(denied) };
    const { result } = await things.run([broken, things.keeps('two', 'b')]);
    expect(result.error).toBe(denied);
    expect(things.log).toEqual(['create a']);
  });

  it('ends after the change in flight when it is interrupted', async () => {
    const things = new Things();
    const interrupt = new AbortController();
    const step = things.keeps('one', 'a', 'b');
    const apply: typeof step.apply = (changes, _state, run) =>
      inOrder(changes, run, (each) => {
        things.log.push(each.target.name);
        interrupt.abort();
        return Promise.resolve();
      });
    const { result } = await things.run([{ ...step, apply }, things.keeps('two', 'c')], interrupt.signal);
    expect(things.log).toEqual(['a']);
    expect(result.error?.code).toBe('interrupted');
    expect(result.steps[0]?.outcomes.map((outcome) => outcome.result)).toEqual(['done', 'skipped']);
  });

  describe('when it is interrupted while a service does not respond', () => {
    afterEach(() => void vi.useRealTimers());

    const silentFrom = (things: Things, silent: string, interrupt: AbortController) => {
      const step = things.keeps('one', 'a', 'b', 'c');
      const apply: typeof step.apply = (changes, _state, run) =>
        inOrder(changes, run, (each) => {
          things.log.push(each.target.name);
          if (each.target.name !== silent) return Promise.resolve();
          interrupt.abort();
          return new Promise(() => undefined);
        });
      return { ...step, apply };
    };

    it('abandons the change in flight after the grace period and reports its result as unknown', async () => {
      vi.useFakeTimers();
      const things = new Things();
      const interrupt = new AbortController();
      const ran = things.run(
        [silentFrom(things, 'b', interrupt), things.keeps('two', 'd')],
        interrupt.signal,
      );
      await vi.advanceTimersByTimeAsync(1900);
      expect(things.log).toEqual(['a', 'b']);
      await vi.advanceTimersByTimeAsync(200);
      const { result } = await ran;
      expect(result.steps[0]?.outcomes.map((outcome) => outcome.result)).toEqual([
        'done',
        'unknown',
        'skipped',
      ]);
      expect(result.error).toMatchObject({
        code: 'interrupted',
        why: expect.stringContaining('in flight') as string,
      });
      expect(result.abandoned).toBe(true);
    });

    it('reports no event of a change after it was abandoned', async () => {
      vi.useFakeTimers();
      const things = new Things();
      const interrupt = new AbortController();
      let answer = (): void => undefined;
      const step = things.keeps('one', 'a');
      const apply: typeof step.apply = (changes, _state, run) =>
        inOrder(changes, run, () => {
          interrupt.abort();
          return new Promise<void>((resolve) => (answer = resolve));
        });
      const ran = things.run([{ ...step, apply }], interrupt.signal);
      await vi.advanceTimersByTimeAsync(2000);
      const { events } = await ran;
      const before = events.length;
      answer();
      await vi.advanceTimersByTimeAsync(1);
      expect(events).toHaveLength(before);
    });

    it('waits for a step to become ready no longer than the grace period', async () => {
      vi.useFakeTimers();
      const things = new Things();
      const interrupt = new AbortController();
      const ready = () => {
        interrupt.abort();
        return new Promise<void>(() => undefined);
      };
      const ran = things.run([{ ...things.keeps('one', 'a'), ready }], interrupt.signal);
      await vi.advanceTimersByTimeAsync(2000);
      const { result } = await ran;
      expect(result.steps[0]?.outcomes.map((outcome) => outcome.result)).toEqual(['done']);
      expect(result.error?.code).toBe('interrupted');
    });
  });

  it('records the error of a step that cannot be observed in the plan', async () => {
    const things = new Things();
    const blind = { ...things.keeps('one', 'a'), observe: () => Promise.reject(denied) };
    const { plan } = await things.run([]);
    expect(plan).toEqual([]);
    expect((await makePlan([blind], things))[0]?.error).toBe(denied);
  });
});

const denied = new BootstrapError({ code: 'aws-denied', what: 'create a', why: 'not allowed', hint: 'ask' });
