import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultWorld, missingContent } from '../../../support/fault-world.ts';
import { makeImage } from '../../../support/images.ts';
import type { Misbehavior } from '../../../support/oci-server.ts';

let world: FaultWorld;
beforeEach(async () => {
  world = await FaultWorld.start();
});
afterEach(() => world.close());

const many = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => {
    const name = `app-${number}`;
    world.source.put(name, '1', [makeImage({ os: 'linux', architecture: 'amd64' }, [name, `${name} more`])]);
    return name;
  });

test('copies all images when one response in twenty is 429 or 500, on either side', async () => {
  const names = many(20);
  let count = 0;
  const everyTwentieth = (): Misbehavior | undefined => {
    count += 1;
    if (count % 20 !== 0) return undefined;
    return count % 40 === 0 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 500 };
  };
  world.source.misbehavior = world.target.misbehavior = everyTwentieth;
  const results = await world.copy(names);
  expect(results.map(({ error }) => error?.message).filter(Boolean)).toEqual([]);
  expect(missingContent(world.target)).toEqual([]);
});

test('stops retrying a registry that is down before it has sent hundreds of requests', async () => {
  world.source.misbehavior = () => ({ status: 500 });
  const results = await world.copy(many(50));
  expect(results.every(({ state }) => state === 'failed')).toBe(true);
  expect(world.source.requests.length).toBeLessThan(150);
});

describe('a registry that asks to wait', () => {
  test('gets the request again after that wait', async () => {
    world.corrupt(world.target, 'PUT manifests', { status: 429, headers: { 'retry-after': '7' } }, 1);
    await world.succeeds();
    expect(Math.max(...world.clock.slept)).toBeGreaterThanOrEqual(7000);
  });

  test('with a single response delays no other request', async () => {
    world.corrupt(world.source, 'GET blobs', { status: 429, headers: { 'retry-after': '7' } }, 1);
    const results = await world.copy([...many(20), 'corrupted']);
    expect(results.every(({ state }) => state === 'copied')).toBe(true);
    expect(world.clock.slept).toHaveLength(1);
  });

  test('for hours fails only its image', async () => {
    world.corrupt(world.source, 'GET blobs', { status: 429, headers: { 'retry-after': '20000' } });
    const { error } = await world.failsAlone('registry-failed');
    expect(error?.why).toContain('wait');
    expect(Math.max(0, ...world.clock.slept)).toBeLessThan(600_000);
  });
});

test("fails only the image at Docker Hub's pull limit, without a retry, and suggests to log in", async () => {
  const message =
    'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit';
  const body = JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message }] });
  world.corrupt(world.source, 'GET manifests', { status: 429, body });
  const { error } = await world.failsAlone('registry-failed');
  expect(error?.why).toContain('pull rate limit');
  expect(error?.hint).toContain('docker login');
  const asked = world.source.requests.filter(
    ({ kind, repository }) => kind === 'GET manifests' && repository === 'corrupted',
  );
  // Once when it was rejected, and once in the run that completes it.
  expect(asked).toHaveLength(2);
});
