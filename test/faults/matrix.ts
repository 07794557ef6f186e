import { afterAll, describe, expect, it } from 'vitest';
import { isWanted } from '../support/sample.ts';
import type { Point, Points } from './points.ts';
import type { Story } from './stories.ts';
import { Trials } from './trial.ts';

/**
 * Tries each point of a story. A run of the current product yields the points, so new requests are covered without
 * a new test. Points that a run survives share runs. A point that ends a run has its own run.
 * @param about names the fault in the printed count, for example `cut off`
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
      // How often a run polls for something differs between runs.
      if (missed.length > Math.max(1, points.length / 50)) expect(missed).toEqual([]);
    });
  });
}

/**
 * Tries a point. If the run has fewer such calls than expected, it tries the last one. If a busy machine exceeded
 * the request timeout and the run ended early, it uses a timeout ten times as long.
 */
async function isTried(trials: Trials, point: Point): Promise<boolean> {
  const { ended, met, calls } = await trials.run([point]);
  if (met.length > 0) return true;
  const { requestTimeoutMs = Infinity } = point;
  if (!ended && requestTimeoutMs < 10_000)
    return isTried(trials, { ...point, requestTimeoutMs: 10 * requestTimeoutMs });
  const moved = point.in?.(calls);
  return moved ? isTried(trials, moved) : false;
}

/** @returns the points that need their own run */
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
    // The last fault that occurred has probably ended the run.
    const suspects = ended || met.length === 0 ? group.filter((point) => !tried.has(point)) : met.slice(-1);
    alone.push(...suspects);
    waiting = waiting.filter((point) => !tried.has(point) && !suspects.includes(point));
  }
  return alone;
}

/** The first point and all points of the same kind, at most one for each operation. */
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
