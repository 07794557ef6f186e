import { afterAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../support/cli.ts';
import { armCut, type Cut, describeCall, moments, recordWrites } from './cuts.ts';
import { expectOrder } from './order.ts';

/** A run that is cut off, and what has to follow so that all is in order. */
interface Story {
  readonly name: string;
  readonly command: string;
  prepare(cli: Cli): Promise<void>;
  /** Commands that a person would give next, each to its end. */
  readonly recovery: readonly string[];
}

const stories: readonly Story[] = [
  { name: 'a first up', command: 'up', prepare: () => Promise.resolve(), recovery: ['up'] },
  {
    name: 'a repairing up',
    command: 'up',
    prepare: async (cli) => {
      await succeed(cli, 'up');
      await damage(cli);
    },
    recovery: ['up'],
  },
  {
    name: 'a rotation',
    command: 'rotate --yes',
    prepare: (cli) => succeed(cli, 'up'),
    recovery: ['up', 'rotate --yes'],
  },
  {
    name: 'a removal',
    command: 'down --yes',
    prepare: (cli) => succeed(cli, 'up'),
    recovery: ['down --yes', 'up'],
  },
];

/** Every how manieth point is tried, no multiple of the three moments; FAULTS=1 tries them all. */
const stride = Number(process.env['FAULTS'] ?? 10);
let tried = 0;

for (const story of stories) {
  // The points are found by a run of today's product: a new request is covered without a test of its own.
  const writes = await findWrites(story);
  const cuts = writes.flatMap((call, index) =>
    moments.map((when) => ({ at: index + 1, when, call: describeCall(call) })),
  );

  describe(`${story.name}, cut off at any of its ${writes.length} writing requests`, () => {
    const chosen = cuts.filter((_, index) => index % stride === 0);
    it.each(chosen)('$when $at: $call', async (cut) => {
      tried += 1;
      await recovers(story, cut);
    });
  });
}

afterAll(() => {
  process.stdout.write(`tried ${tried} points at which a run is cut off\n`);
});

async function findWrites(story: Story) {
  const cli = await openCli({}, { hurried: true });
  try {
    await story.prepare(cli);
    const writes = recordWrites(cli.world);
    await succeed(cli, story.command);
    return writes;
  } finally {
    await cli.close();
  }
}

async function recovers(story: Story, cut: Cut): Promise<void> {
  const cli = await openCli({}, { hurried: true });
  try {
    await story.prepare(cli);
    const disarm = armCut(cli.world, cut);
    const broken = await cli.run(story.command);
    disarm();
    // Killed processes say nothing; this one lived on without a network, and has to say it in three parts.
    if (broken.code !== 0) expect(broken.stderr).toMatch(/error: .+\n {2}why: .+\n {2}do: {2}.+/);
    expect(broken.code, broken.stderr).not.toBe(70);
    for (const command of story.recovery) await succeed(cli, command);
    await expectOrder(cli, { rotated: story.command.startsWith('rotate') });
  } finally {
    await cli.close();
  }
}

async function succeed(cli: Cli, command: string): Promise<void> {
  let last = await cli.run(command);
  // A lease that a killed run left behind is over after half a minute.
  if (/lease/.test(last.stderr)) {
    cli.world.clock.advance(31_000);
    last = await cli.run(command);
  }
  expect(last.code, last.stderr).toBe(0);
  await cli.world.cluster.settled();
}

/** Something of every step is broken. */
async function damage({ world }: Cli): Promise<void> {
  const { identities, registry } = world.aws;
  registry.repositories.delete('shop/docker.io/library/nginx');
  identities.users.get('image-puller')?.attached.clear();
  for (const [id, key] of identities.keys) if (key.user.name === 'image-puller') identities.keys.delete(id);
  identities.settle();
  world.cluster.delete('ClusterExternalSecret', 'puller');
  world.cluster.delete('Deployment', 'external-secrets', 'external-secrets');
  world.cluster.delete('Secret', 'puller', 'external-secrets');
  world.cluster.delete('MutatingAdmissionPolicy', 'ecr-bootstrap-pull-secret');
  await world.cluster.settled();
}
