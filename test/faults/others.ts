import { afterAll, describe, expect, it } from 'vitest';
import type { Call } from '../../sandbox/faults.ts';
import type { KeyPair } from '../../sandbox/ports.ts';
import { cutOff } from '../support/cut-off.ts';
import { isWanted, sampleEvery } from '../support/sample.ts';
import { keysOnNodes } from './healthy.ts';
import { describeCall, endsOfStretches, writesOf } from './points.ts';
import { names, Pair } from './pair.ts';
import type { Story } from './stories.ts';
import { hiddenDeletions, type Run, Watch } from './watch.ts';

/** The commands that an administrator of either cluster may run after a run of the first cluster was killed. */
const others: readonly Run[] = [
  { by: 'first', command: 'status' },
  { by: 'first', command: 'mirror' },
  { by: 'first', command: 'rotate --yes' },
  { by: 'first', command: 'rotate --force --yes' },
  { by: 'first', command: 'down --yes' },
  { by: 'first', command: 'down --aws --delete-images --yes' },
  { by: 'second', command: 'up --yes' },
  { by: 'second', command: 'rotate --yes' },
  { by: 'second', command: 'down --yes' },
  { by: 'second', command: 'down --aws --delete-images --yes' },
];

/** Two images are enough for everything except the copying itself. */
const config = 'images: { exclude: [registry.k8s.io/*, quay.io/*] }';

/**
 * The sample of pairs of a kill and another command. `FAULTS=n` takes fewer here than elsewhere, because each
 * takes longer.
 */
const every = sampleEvery > 1 ? 6 * sampleEvery : 1;

interface Pairing {
  readonly kill: Kill;
  readonly other: Run;
  readonly name: string;
}

/** A run is killed before a writing request, counted from 1, or after the last one. */
interface Kill {
  readonly at: number;
  readonly when: 'before' | 'after';
  readonly name: string;
}

/**
 * Kills a story's run of the first cluster at its writing requests. Then runs each other command of either
 * cluster, and finally a whole `up` of both. Skips a kill that lets the same changes through as an earlier one,
 * and a final state that already occurred.
 */
export async function othersAfter(story: Story): Promise<void> {
  const stage = new PairStage(story);
  const kills = await stage.kills();
  const all = kills.flatMap((kill, row) =>
    others.map((other, column) => ({
      kill,
      other,
      name: `${kill.name}, then ${other.command} of the ${other.by} cluster`,
      // Each column has other rows in the sample.
      index: row + 5 * column,
    })),
  );
  const pairings = all.filter(({ index, name }) => isWanted(name, index, every));
  let tried = 0;
  let same = 0;
  afterAll(async () => {
    await stage.close();
    process.stdout.write(
      `${story.name} killed at ${kills.length} writes: ${tried} of ${all.length} pairs with other commands tried, ` +
        `${same} more left the same state, in ${stage.runs} runs\n`,
    );
  });
  describe(`${story.name} that was killed, followed by another command`, () => {
    it.each<Pairing>(pairings)('$name', async ({ kill, other }) => {
      if (await stage.isNew(kill)) {
        await stage.follow(other);
        tried += 1;
      } else same += 1;
    });

    it('was tried with nearly all kills', () => {
      // How often a run renews its lease differs between runs.
      if (stage.missed.length > kills.length / 10) expect(stage.missed).toEqual([]);
    });
  });
}

/** The world of one story, in the state after one kill. */
class PairStage {
  readonly #story: Story;
  #pair: Pair | undefined;
  #watch: Watch | undefined;
  /** Restores the state at the start of the story. */
  #begin: (() => Promise<void>) | undefined;
  #opened = 0;
  #killed:
    { readonly kill: Kill; readonly changes: string; readonly restore: () => Promise<void> } | undefined;
  /** The changes that killed runs made. */
  readonly #tried = new Set<string>();
  /** Kills that let the same changes through as an earlier one. */
  readonly #repeated = new Set<Kill>();
  /**
   * The access key of killed runs. They share this process, so their last requests are still retried after the
   * kill.
   */
  #killedKey: KeyPair | undefined;
  #endStragglers: () => void = () => undefined;
  /** The changes of killed runs and of other commands from which both clusters recovered. */
  readonly #recovered = new Set<string>();
  runs = 0;
  /** The names of kills that came too late for their run. */
  readonly missed: string[] = [];

  constructor(story: Story) {
    this.#story = story;
  }

  /** The kills to try, from the writes of an undisturbed run: the first and the last of equal consecutive writes. */
  async kills(): Promise<Kill[]> {
    const { pair } = await this.#open();
    const { calls } = pair.cli.world.faults;
    const before = calls.length;
    await this.#run({ by: 'first', command: this.#story.command }, { mustSucceed: true });
    const ends = endsOfStretches(writesOf(calls.slice(before)).filter(({ call }) => isSeen(call)));
    const [first] = ends;
    return [
      ...(first
        ? [{ at: first.at, when: 'before' as const, name: `before ${describeCall(first.call)}` }]
        : []),
      ...ends.map(({ call, at }) => ({
        at,
        when: 'after' as const,
        name: `after ${at}: ${describeCall(call)}`,
      })),
    ];
  }

  /** Brings the world into the state after a kill. @returns false if another kill left the same state */
  async isNew(kill: Kill): Promise<boolean> {
    if (this.#killed?.kill === kill) {
      await this.#killed.restore();
      return true;
    }
    if (this.#repeated.has(kill)) return false;
    const { pair } = await this.#open();
    const { faults } = pair.cli.world;
    const before = faults.changes.length;
    this.#endStragglers();
    const disarm = cutOff(faults, kill.at, kill.when);
    await this.#run({ by: 'first', command: this.#story.command }, { isKilled: true }).finally(() => {
      this.#endStragglers = faults.plan({ kind: 'reset', caller: this.#killedKey?.accessKeyId ?? '' });
      if (disarm() === 0) this.missed.push(kill.name);
    });
    const changes = stateAfter(faults.changes.slice(before));
    if (this.#tried.has(changes)) {
      this.#repeated.add(kill);
      return false;
    }
    this.#tried.add(changes);
    this.#killed = { kill, changes, restore: pair.save() };
    return true;
  }

  /** Runs another command, and then the commands that repair everything. */
  async follow(other: Run): Promise<void> {
    const { pair } = await this.#open(false);
    const { faults, aws } = pair.cli.world;
    const before = faults.changes.length;
    const keys = [...aws.identities.keys.keys()];
    const { code, document } = await this.#run(other);
    const changes = faults.changes.slice(before);
    const deleted = keys.filter((id) => !aws.identities.keys.has(id));
    expect(hiddenDeletions(changes, deleted, document), 'deletions that were not shown').toEqual([]);
    if (other.command === 'status') {
      expect(changes, 'status changes nothing').toEqual([]);
      expect([0, 1, 2, 3]).toContain(code);
    }
    const changed = stateAfter(changes);
    const state = `${this.#killed?.changes}\n${changed && `${other.by}\n${changed}`}`;
    if (this.#recovered.has(state)) return;
    for (const by of names) await this.#run({ by, command: 'up --yes' }, { mustSucceed: true });
    // The next rotation completes a killed one, once both clusters have the new key.
    for (let again = 0; again < 2 && this.#activeKeys().length > 1; again += 1) {
      await this.#run({ by: 'first', command: 'rotate --yes' }, { mustSucceed: true });
      await this.#run({ by: 'second', command: 'up --yes' }, { mustSucceed: true });
    }
    await this.#expectHealthy();
    this.#recovered.add(state);
  }

  async close(): Promise<void> {
    await this.#pair?.close();
    this.#pair = undefined;
  }

  /** @param fresh restores the state at the start of the story */
  async #open(fresh = true): Promise<{ pair: Pair; watch: Watch }> {
    const offset = this.#pair?.cli.world.clock.offset ?? 0;
    // The tests must not let a day pass, because keys and tokens age.
    if (fresh && offset - this.#opened > 6 * 3_600_000) await this.close();
    if (this.#pair && this.#watch) {
      if (fresh) await this.#begin?.();
      return { pair: this.#pair, watch: this.#watch };
    }
    const pair = (this.#pair = await Pair.open(config));
    this.#killedKey = pair.cli.world.aws.addUser('killed', 'arn:aws:iam::aws:policy/AdministratorAccess').key;
    const watch = (this.#watch = new Watch(pair));
    if (!this.#story.fromNothing) {
      for (const by of names) await this.#run({ by, command: 'up --yes' }, { mustSucceed: true });
      await this.#story.prepare?.(pair.cli);
      await pair.settled();
    }
    this.#begin = pair.save();
    this.#opened = pair.cli.world.clock.offset;
    return { pair, watch };
  }

  async #run(
    run: Run,
    { mustSucceed = false, isKilled = false } = {},
  ): Promise<{ code: number; document: unknown }> {
    const { pair, watch } = await this.#open(false);
    this.runs += 1;
    watch.begin(run);
    const { accessKeyId = '', secretAccessKey = '' } = this.#killedKey ?? {};
    const env = isKilled ? { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } : {};
    const { code, stdout, stderr } = await pair.run(run.by, `${run.command} -o json`, { env });
    const about = `${run.command} of the ${run.by} cluster: ${stdout.slice(-2000)} ${stderr}`;
    expect(watch.end(code === 0), about).toEqual([]);
    expect(code, about).not.toBe(70);
    if (mustSucceed) expect(code, about).toBe(0);
    const document = JSON.parse(stdout) as { ok: boolean; error?: object };
    if (code !== 0 && code !== 3) {
      const text: unknown = expect.stringMatching(/./);
      expect(document.error, about).toMatchObject({ code: text, what: text, why: text, hint: text });
    }
    return { code, document };
  }

  #activeKeys(): string[] {
    const keys = [...(this.#pair?.cli.world.aws.identities.keys.values() ?? [])];
    return keys.filter(({ user, active }) => user.name === 'image-puller' && active).map(({ id }) => id);
  }

  /**
   * Expects that both clusters can pull in every namespace with the only enabled key, are registered with it, and
   * have an empty plan.
   */
  async #expectHealthy(): Promise<void> {
    const { pair } = await this.#open(false);
    const { identities, registry } = pair.cli.world.aws;
    const user = identities.users.get('image-puller');
    const keys = [...identities.keys.values()].filter((key) => key.user === user);
    const active = this.#activeKeys();
    expect(active, 'one enabled key').toHaveLength(1);
    // A rotation keeps the old key, disabled, for as long as its tokens may be valid.
    expect(keys.length, 'no stranded key').toBeLessThanOrEqual(2);
    expect(user?.tags.has('ecr-bootstrap:creating'), 'no tag of an unfinished key').toBe(false);
    for (const name of names) {
      expect(pair.keyIn(name), `the key of the ${name} cluster`).toBe(active[0]);
      expect(pair.registeredKeyOf(name), `the registration of the ${name} cluster`).toBe(active[0]);
      for (const [namespace, token] of pair.tokensIn(name)) {
        expect(registry.tokens.userOf(token)?.accessKeyId, `the token in ${namespace}`).toBe(active[0]);
      }
      for (const [node, found] of Object.entries(keysOnNodes(pair.clusters[name], pair.cli.world.aws)))
        expect(found, `the keys of the tokens on ${node} of the ${name} cluster`).toEqual([active[0]]);
      const { document } = await this.#run(
        { by: name, command: 'up --dry-run --exit-code' },
        { mustSucceed: true },
      );
      expect(changesIn(document), `the plan of the ${name} cluster`).toEqual([]);
    }
  }
}

const changesIn = (document: unknown): unknown[] =>
  (document as { plan?: { steps: { changes: unknown[] }[] } }).plan?.steps.flatMap((step) => step.changes) ??
  [];

/** Later runs cannot see layers that no manifest uses, and leases expire by themselves. */
const isSeen = ({ service, operation }: Call): boolean =>
  !operation.endsWith(' leases') && !(service === 'registry' && operation !== 'PutManifest');

const stateAfter = (changes: readonly Call[]): string =>
  changes.filter(isSeen).map(describeCall).sort().join('\n');
