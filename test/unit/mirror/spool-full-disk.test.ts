import { expect, it } from 'vitest';
import { runOnSmallDisk } from '../../support/small-disk.ts';

/** Copies images that share layers. Another program fills the disk before the source sends the first of these layers. */
const script = `
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
const [support, folder] = process.argv.slice(1);
const { EngineWorld } = await import(new URL('registry-engine.ts', support));
const { makeImage } = await import(new URL('images.ts', support));
const world = await EngineWorld.start();
world.mounting = false;
world.folder = folder;
const base = [randomBytes(90_000), randomBytes(100_000)];
const names = ['one', 'two', 'three', 'four'];
for (const name of names) world.source.put(name, '1', [makeImage({ os: 'linux', architecture: 'amd64' }, [...base, name])]);
const { layers } = makeImage({ os: 'linux', architecture: 'amd64' }, base);
const shared = new Set(layers.map(({ digest }) => digest));
let full;
world.source.misbehavior = ({ reference }) => {
  while (shared.has(reference) && full === undefined) {
    try { appendFileSync(folder + '/other', Buffer.alloc(4096)); } catch ({ code }) { full = code; }
  }
};
const results = await world.copy(names, { concurrency: 1 });
const reads = world.source.requests.filter(({ kind, reference }) => kind === 'GET blobs' && shared.has(reference));
console.log(JSON.stringify({ full, states: results.map(({ state, error }) => error?.message ?? state), reads: reads.length }));
await world.close();
`;

it('copies all images when the disk becomes full, and then reads their layers without it', ({ skip }) => {
  const ran = runOnSmallDisk(script, new URL('../../support/', import.meta.url));
  if (!ran) return skip('this machine does not let a test mount a disk');
  expect(ran.stderr).toBe('');
  const { full, states, reads } = JSON.parse(ran.stdout) as { full: string; states: string[]; reads: number };
  expect(full).toBe('ENOSPC');
  expect(states).toEqual(['copied', 'copied', 'copied', 'copied']);
  // Each image reads both layers, and those that began to share one read it again.
  expect(reads).toBeGreaterThanOrEqual(8);
});
