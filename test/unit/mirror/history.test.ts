import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MirrorResult } from '../../../src/mirror/engine.ts';
import { Secret } from '../../../src/core/secret.ts';
import { makeImage } from '../../support/images.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

describe('an image that an earlier run mirrored', () => {
  let world: EngineWorld;
  let copy: () => Promise<readonly MirrorResult[]>;
  beforeEach(async () => {
    world = await EngineWorld.start();
    world.source.put('app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['content'])]);
    const engine = world.engine();
    copy = () => engine.copy([world.wanted('app')], world.options());
    await copy();
  });
  afterEach(() => world.close());

  it('is looked up on both sides at once', async () => {
    // Neither side responds before the other one received its request.
    let asked = 0;
    let release: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (release = resolve));
    world.source.hold = world.target.hold = () => {
      if ((asked += 1) === 2) release();
      return both;
    };
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'current', requests: 2 });
  });

  it('is copied again when the target no longer has it', async () => {
    world.target.repository('p/app').manifests.clear();
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'copied' });
    expect(world.target.repository('p/app').manifests.has('1')).toBe(true);
  });

  it('is copied again when the tag moved at the source', async () => {
    const newer = makeImage({ os: 'linux', architecture: 'amd64' }, ['newer']);
    world.source.put('app', '1', [newer]);
    const [result] = await copy();
    expect(result).toMatchObject({ state: 'moved', targetDigest: newer.manifest.digest });
  });
});

describe('a source that required no login in an earlier run', () => {
  let world: EngineWorld;
  const names = ['a', 'b', 'c'];
  beforeEach(async () => {
    world = await EngineWorld.start();
    for (const name of names) {
      world.source.put(name, '1', [makeImage({ os: 'linux', architecture: 'amd64' }, [name])]);
    }
  });
  afterEach(() => world.close());

  it('receives the requests for all images at once', async () => {
    const look = () =>
      world.engine().plan(
        names.map((name) => world.wanted(name)),
        world.options(),
      );
    await look();
    // No request gets a response before all requests arrived.
    let asked = 0;
    let release: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (release = resolve));
    world.source.hold = () => {
      if ((asked += 1) === names.length) release();
      return all;
    };
    expect((await look()).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  });

  it('receives the login that it requires now, and is no longer recorded as anonymous', async () => {
    await world.engine().plan([world.wanted('a')], world.options());
    const anonymous = `anonymous ${world.source.host}` as const;
    expect(world.history.has(anonymous)).toBe(true);
    world.credentials = { find: () => Promise.resolve({ username: 'me', password: new Secret('it is me') }) };
    world.source.misbehavior = ({ headers }) =>
      headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="here"' } }
        : undefined;
    const results = await world.copy(names);
    expect(results.map(({ state }) => state)).toEqual(['copied', 'copied', 'copied']);
    expect(world.history.has(anonymous)).toBe(false);
  });
});
