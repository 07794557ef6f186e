import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { WantedImage } from '../../../src/images/wanted.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

const login = { username: 'me', password: randomBytes(12).toString('hex') };
const front = { username: 'front', password: randomBytes(12).toString('hex') };
const basic = ({ username, password }: typeof login) =>
  Buffer.from(`${username}:${password}`).toString('base64');

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start({
    sources: [
      { host: 'moved.example', auth: 'none' },
      { host: 'front.example', auth: 'basic', login: front },
      { host: 'open.example', auth: 'bearer' },
      { host: 'basic.example', auth: 'basic', login },
      { host: 'bearer.example', auth: 'bearer', login },
    ],
  });
  for (const host of ['open.example', 'basic.example', 'bearer.example']) world.source(host).seed(host, '1');
  for (const from of ['moved.example', 'front.example'])
    for (const to of ['open.example', 'basic.example', 'bearer.example'])
      world.source(from).redirects.set(to, `https://${to}`);
  const logins = { 'basic.example': login, 'bearer.example': login, 'front.example': front };
  const auths = Object.fromEntries(Object.entries(logins).map(([host, one]) => [host, { auth: basic(one) }]));
  mkdirSync(join(world.home, '.docker'));
  writeFileSync(join(world.home, '.docker', 'config.json'), JSON.stringify({ auths }));
});
afterAll(() => world.close());
beforeEach(() => world.forget());

async function copy(source: string, more: Partial<WantedImage> = {}) {
  const image = { ...wanted(source), ...more };
  world.addRepositories([image]);
  const [result] = await world.mirror().copy([image], world.options({ engine: 'registry' }));
  return result;
}

it('copies an image whose registry redirects to one that issues anonymous tokens', async () => {
  expect(await copy('moved.example/open.example:1')).toMatchObject({ state: 'copied' });
});

it('copies an image when the first registry requires a login, which the second must not receive', async () => {
  expect(await copy('front.example/open.example:1')).toMatchObject({ state: 'copied' });
});

it.each(['basic.example', 'bearer.example'])(
  "logs in to %s with that registry's own login, for an image that the user names",
  async (host) => {
    expect(await copy(`moved.example/${host}:1`, { byHand: true })).toMatchObject({ state: 'copied' });
  },
);

it.each(['basic.example', 'bearer.example'])(
  "does not use the user's login to %s for an image that only a workload references",
  async (host) => {
    expect(await copy(`front.example/${host}:1`)).toMatchObject({
      state: 'failed',
      error: { code: 'registry-denied' },
    });
  },
);
