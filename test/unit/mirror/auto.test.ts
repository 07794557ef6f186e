import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { Engine } from '../../../src/mirror/engine.ts';
import type { MirrorResult } from '../../../src/mirror/engine.ts';
import { MirrorWorld, noDocker } from '../../support/mirror.ts';

let world: MirrorWorld;
let asked: string[];
beforeAll(async () => {
  world = await MirrorWorld.start();
  world.source('quay.io').seed('app', '1');
});
afterAll(() => world.close());
beforeEach(() => {
  asked = [];
  world.events.splice(0);
  world.docker = () => Promise.resolve(localEngine());
});

/** An engine that has images whose name contains `local`. */
function localEngine(): Engine {
  const act: Engine['copy'] = (images) =>
    Promise.resolve(
      images.map((image): MirrorResult => {
        asked.push(image.source);
        const state = image.source.includes('local') ? 'copied' : 'failed';
        const nothing = { bytesSent: 0, bytesMounted: 0, bytesSkipped: 0, requests: 0, seconds: 0 };
        return { image, target: 't', engine: 'docker', state, platforms: [], ...nothing };
      }),
    );
  return { name: 'docker', plan: act, copy: act, find: () => Promise.resolve() };
}
const notes = () => world.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));

describe('auto', () => {
  test('uses the Docker engine for an image that its registry does not have, and reports it', async () => {
    const results = await world.copy(['quay.io/app:1', 'quay.io/local:1']);
    expect(results.map(({ engine, state }) => [engine, state])).toEqual([
      ['registry', 'copied'],
      ['docker', 'copied'],
    ]);
    expect(notes()).toEqual([expect.stringContaining('quay.io/local:1')]);
  });

  test('uses the Docker engine for an image whose registry is unreachable', async () => {
    const [result] = await world.copy(['unreachable.example.com/local:1']);
    expect(result).toMatchObject({ engine: 'docker', state: 'copied' });
  });

  test("keeps the registry's error when the Docker engine does not have the image either", async () => {
    const [result] = await world.copy(['quay.io/absent:1']);
    expect(result).toMatchObject({ engine: 'registry', error: { code: 'image-missing' } });
  });

  test("keeps the registry's error when there is no Docker engine", async () => {
    world.docker = () => Promise.reject(noDocker());
    const [result] = await world.copy(['quay.io/absent:1']);
    expect(result?.error?.code).toBe('image-missing');
  });

  it('uses the Docker engine for a name that Docker Hub rejects, because it rejects missing images like private ones', async () => {
    const [result] = await world.copy(['myapp-local:dev']);
    expect(result).toMatchObject({ engine: 'docker', state: 'copied' });
    expect(asked).toEqual(['docker.io/library/myapp-local:dev']);
  });

  it('reports that a rejected image may not exist when the Docker engine does not have it either', async () => {
    const [result] = await world.copy(['myapp:dev']);
    expect(result?.error).toMatchObject({
      code: 'registry-denied',
      why: expect.stringContaining('the image may not exist, or requires a login') as string,
    });
  });

  it('stops at the first token that does not grant access to a repository of Docker Hub', async () => {
    world.operations();
    await world.copy(['absent:dev']);
    expect(world.operations().filter((operation) => operation.startsWith('source '))).toEqual([
      'source GetManifest',
      'source GetManifest',
    ]);
  });
});
