import { expect } from 'vitest';
import type { Call } from '../../sandbox/faults.ts';
import { expectHealthy } from './healthy.ts';
import { describeCall, type Point, type Points } from './points.ts';
import { expectRegistered, Stage, type Story, succeed, succeedOrRefuse } from './stories.ts';

export interface Outcome {
  /** Whether the run succeeded despite the faults. */
  readonly ended: boolean;
  /** The points that the run reached, in this order. */
  readonly met: readonly Point[];
  readonly calls: readonly Call[];
}

/** Runs of one story with faults. After each, the recovery commands must restore order. */
export class Trials {
  readonly #story: Story;
  readonly #stage: Stage;
  /** The changes of failed runs from which the recovery commands restored order. */
  readonly #recovered = new Set<string>();
  /** The number of runs. */
  count = 0;

  constructor(story: Story) {
    this.#story = story;
    this.#stage = new Stage(story);
  }

  /** The points of an undisturbed run. */
  async find(pointsOf: Points): Promise<Point[]> {
    const cli = await this.#stage.begin();
    const { calls } = cli.world.faults;
    const before = calls.length;
    await succeed(cli, this.#story.command);
    return pointsOf(calls.slice(before));
  }

  /** Runs the story once with all these faults. */
  async run(points: readonly Point[]): Promise<Outcome> {
    const { command, recovery, afterwards, mayRefuse, expectDone } = this.#story;
    const cli = await this.#stage.begin();
    const { faults } = cli.world;
    const [called, changed] = [faults.calls.length, faults.changes.length];
    const armed = points.map((point) => ({ point, disarm: point.arm(cli.world) }));
    const requestTimeoutMs = points.find((point) => point.requestTimeoutMs)?.requestTimeoutMs;
    const { code, stderr } = await cli.run(
      command,
      requestTimeoutMs === undefined ? {} : { timeoutMs: requestTimeoutMs },
    );
    const met = armed
      .map(({ point, disarm }) => ({ point, at: disarm() }))
      .filter(({ at }) => at > 0)
      .sort((one, other) => one.at - other.at)
      .map(({ point }) => point);
    const calls = faults.calls.slice(called);
    this.count += 1;
    expectRegistered(cli);
    const ended = code === 0;
    // A killed process prints nothing. This one was not killed, so it has to print an error in three parts.
    if (!ended) expect(stderr).toMatch(/error: .+\n {2}why: .+\n {2}fix: .+/);
    expect(code, stderr).not.toBe(70);
    const outcome = { ended, met, calls };
    const state = stateAfter(faults.changes.slice(changed));
    if (!ended && this.#recovered.has(state)) {
      // The run changed nothing, so the world is still ready for another run.
      if (state === '') this.#stage.end(cli);
      return outcome;
    }
    if (ended) expectDone?.(cli);
    for (const line of ended ? afterwards : recovery) {
      await (line === mayRefuse ? succeedOrRefuse : succeed)(cli, line);
      if (line === command) expectDone?.(cli);
    }
    expectRegistered(cli);
    await expectHealthy(cli, { rotated: this.#story.keepsDisabledKey === true });
    this.#stage.end(cli);
    this.#recovered.add(state);
    return outcome;
  }

  close(): Promise<void> {
    return this.#stage.close();
  }
}

/** The changes of a run, which determine the state that the next run finds. */
const stateAfter = (changes: readonly Call[]): string =>
  changes
    .filter(({ operation }) => !operation.endsWith(' leases'))
    .map(describeCall)
    .sort()
    .join('\n');
