import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordTag } from '../../../src/access-key/registration/records.ts';
import { type Cli, openCli } from '../../support/cli.ts';

const slow = { timeout: 240_000 };

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true, config: 'images: { exclude: [registry.k8s.io/*] }\n' });
  expect((await cli.run('up --yes -q')).code).toBe(0);
}, slow.timeout);
afterAll(() => cli.close());

const keys = () =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');
const active = () => keys().flatMap(({ id, active }) => (active ? [id] : []));

it(
  'up --only creates no second key when another run creates one during the confirmation prompt',
  slow,
  async () => {
    for (const { id } of keys()) cli.world.aws.identities.keys.delete(id);
    const { code, stderr } = await cli.run('up --only image-puller-key', {
      terminal: {
        answer: 'y',
        atQuestion: async () => expect((await cli.run('up --yes -q')).code).toBe(0),
      },
    });
    expect(code, stderr).toBe(0);
    expect(keys()).toHaveLength(1);
  },
);

it('rotate replaces no key that another run creates during the confirmation prompt', slow, async () => {
  let replaced: readonly string[] = [];
  await cli.run('rotate', {
    terminal: {
      answer: 'y',
      atQuestion: async () => {
        expect((await cli.run('rotate --yes -q')).code).toBe(0);
        replaced = active();
      },
    },
  });
  expect(active()).toEqual(replaced);
});

it(
  'down --aws disables no key when another cluster registers during the confirmation prompt',
  slow,
  async () => {
    const before = active();
    const { code, stdout, stderr } = await cli.run('down --aws', {
      terminal: {
        answer: 'shop',
        atQuestion: async () => {
          const secret = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
          const record = { id: 'another', keyId: before[0] ?? '', name: 'other', version: '0.1' };
          for (const [tag, value] of Object.entries(recordTag(record, cli.world.clock.now())))
            secret?.tags.set(tag, value);
        },
      },
    });
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('other (another)');
    expect(active()).toEqual(before);
  },
);
