import { afterAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../support/cli.ts';
import { armCut, type Cut, describeCall, moments, recordWrites } from './cuts.ts';
import { expectOrder } from './order.ts';

/** What a run starts from. */
interface Story {
  readonly name: string;
  prepare(cli: Cli): Promise<void>;
}

const stories: readonly Story[] = [
  { name: 'a first up', prepare: () => Promise.resolve() },
  {
    name: 'a repairing up',
    prepare: async (cli) => {
      await succeed(cli);
      await damage(cli);
    },
  },
];

/** Every how manieth point is tried: a sample keeps the run short, FAULTS=1 tries them all. */
const stride = Number(process.env['FAULTS'] ?? 12);
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
    await succeed(cli);
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
    const broken = await cli.run('up');
    disarm();
    // Killed processes say nothing; this one lived on without a network, and has to say it in three parts.
    if (broken.code !== 0) expect(broken.stderr).toMatch(/error: .+\n {2}why: .+\n {2}do: {2}.+/);
    expect(broken.code, broken.stderr).not.toBe(70);
    await succeed(cli);
    await expectOrder(cli);
  } finally {
    await cli.close();
  }
}

async function succeed(cli: Cli): Promise<void> {
  let last = await cli.run('up');
  // A lease that a killed run left behind is over after half a minute.
  if (/lease/.test(last.stderr)) {
    cli.world.clock.advance(31_000);
    last = await cli.run('up');
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
