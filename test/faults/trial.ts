import { expect } from 'vitest';
import type { Call } from '../../sandbox/faults.ts';
import { expectOrder } from './order.ts';
import { describeCall, type Point, type Points } from './points.ts';
import { expectRegistered, Stage, type Story, succeed, succeedOrRefuse } from './stories.ts';

export interface Outcome {
  /** Whether the run got to its end in spite of all. */
  readonly ended: boolean;
  /** Those of the points that it came to, in this order. */
  readonly met: readonly Point[];
  readonly calls: readonly Call[];
}

/** Runs of one story, each with some trouble, and each followed by whole runs until all must be in order. */
export class Trials {
  readonly #story: Story;
  readonly #stage: Stage;
  /** What failed runs had changed before, where a whole run was seen to get all in order from there. */
  readonly #recovered = new Set<string>();
  /** How many there were. */
  count = 0;

  constructor(story: Story) {
    this.#story = story;
    this.#stage = new Stage(story);
  }

  /** The points of a run without trouble. */
  async find(pointsOf: Points): Promise<Point[]> {
    const cli = await this.#stage.begin();
    const { calls } = cli.world.faults;
    const before = calls.length;
    await succeed(cli, this.#story.command);
    return pointsOf(calls.slice(before));
  }

  /** One run in which the trouble of all these points happens. */
  async run(points: readonly Point[]): Promise<Outcome> {
    const { command, recovery, afterwards, mayRefuse, expectDone } = this.#story;
    const cli = await this.#stage.begin();
    const { faults } = cli.world;
    const [called, changed] = [faults.calls.length, faults.changes.length];
    const armed = points.map((point) => ({ point, disarm: point.arm(cli.world) }));
    const patience = points.find((point) => point.patience)?.patience;
    const { code, stderr } = await cli.run(command, patience === undefined ? {} : { timeoutMs: patience });
    const met = armed
      .map(({ point, disarm }) => ({ point, at: disarm() }))
      .filter(({ at }) => at > 0)
      .sort((one, other) => one.at - other.at)
      .map(({ point }) => point);
    const calls = faults.calls.slice(called);
    this.count += 1;
    expectRegistered(cli);
    const ended = code === 0;
    // Killed processes say nothing; this one lived on, and has to say in three parts what happened.
    if (!ended) expect(stderr).toMatch(/error: .+\n {2}why: .+\n {2}fix: .+/);
    expect(code, stderr).not.toBe(70);
    const outcome = { ended, met, calls };
    const state = stateAfter(faults.changes.slice(changed));
    if (!ended && this.#recovered.has(state)) {
      // Nothing was changed: the world is as it was made ready.
      if (state === '') this.#stage.end(cli);
      return outcome;
    }
    if (ended) expectDone?.(cli);
    for (const line of ended ? afterwards : recovery) {
      await (line === mayRefuse ? succeedOrRefuse : succeed)(cli, line);
      if (line === command) expectDone?.(cli);
    }
    expectRegistered(cli);
    await expectOrder(cli, { rotated: this.#story.keepsDisabledKey === true });
    this.#stage.end(cli);
    this.#recovered.add(state);
    return outcome;
  }

  close(): Promise<void> {
    return this.#stage.close();
  }
}

/** Where the same changes were let through, the next run finds the same. */
const stateAfter = (changes: readonly Call[]): string =>
  changes
    .filter(({ operation }) => !operation.endsWith(' leases'))
    .map(describeCall)
    .sort()
    .join('\n');
