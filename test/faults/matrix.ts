import { afterAll, describe, expect, it } from 'vitest';
import { isWanted } from '../support/sample.ts';
import type { Point, Points } from './points.ts';
import type { Story } from './stories.ts';
import { Trials } from './trial.ts';

/**
 * Tries each point of a story. The points are found by a run of today's product: a new request is covered without a
 * test of its own. Those that a run rides out share runs; one that ends a run has a run of its own.
 * @param about for the count that is printed: `cut off`
 */
export async function matrix(story: Story, about: string, pointsOf: Points): Promise<void> {
  const trials = new Trials(story);
  const all = await trials.find(pointsOf);
  const points = all.filter(({ name }, index) => isWanted(name, index));
  const tried = new Set<Point>();
  const alone = await tryTogether(trials, points, tried);
  afterAll(async () => {
    await trials.close();
    process.stdout.write(
      `${story.name} ${about}: ${tried.size} of ${all.length} points tried, in ${trials.count} runs\n`,
    );
  });
  describe(`${story.name} ${about}`, () => {
    it.each(alone)('$name', async (point) => {
      if (await isTried(trials, point)) tried.add(point);
    });

    it('happened at nearly all points', () => {
      const missed = points.filter((point) => !tried.has(point)).map(({ name }) => name);
      // How often something is asked for until it is there differs from run to run.
      if (missed.length > points.length / 50) expect(missed).toEqual([]);
    });
  });
}

/**
 * Tries a point. Where a run no longer has that many such calls, at the last that it has; where a busy machine was too
 * slow for an impatient run, which then ended before, with ten times the patience.
 */
async function isTried(trials: Trials, point: Point): Promise<boolean> {
  const { ended, met, calls } = await trials.run([point]);
  if (met.length > 0) return true;
  const { patience = Infinity } = point;
  if (!ended && patience < 10_000) return isTried(trials, { ...point, patience: 10 * patience });
  const moved = point.in?.(calls);
  return moved ? isTried(trials, moved) : false;
}

/** @returns those that need a run of their own */
async function tryTogether(trials: Trials, points: readonly Point[], tried: Set<Point>): Promise<Point[]> {
  const alone = points.filter(({ together }) => !together);
  let waiting = points.filter(({ together }) => together);
  while (waiting.length > 0) {
    const group = groupOf(waiting);
    const { ended, met } = await trials.run(group).catch((error: unknown) => {
      process.stdout.write(
        `not in order after ${group.map(({ name }) => name).join(', ')}: ${String(error)}\n`,
      );
      return { ended: false, met: [] };
    });
    if (ended) for (const point of met) tried.add(point);
    // What happened last has probably ended the run.
    const suspects = ended || met.length === 0 ? group.filter((point) => !tried.has(point)) : met.slice(-1);
    alone.push(...suspects);
    waiting = waiting.filter((point) => !tried.has(point) && !suspects.includes(point));
  }
  return alone;
}

/** The first and all of its kind, no operation twice. */
function groupOf(points: readonly Point[]): Point[] {
  const kind = points[0]?.together?.kind;
  const group = new Map<string, Point>();
  for (const point of points) {
    const { together } = point;
    if (together?.kind === kind && together && !group.has(together.operation))
      group.set(together.operation, point);
  }
  return [...group.values()];
}
