import { expect, it } from 'vitest';
import { Slots } from '../../../src/mirror/registry/slots.ts';

it('grants slots to the largest blobs first, and to equal ones in order of arrival', async () => {
  const slots = new Slots(1);
  const { signal } = new AbortController();
  const started: string[] = [];
  const megabytes = (size: number) => size * 1024 * 1024;
  const queued = ['5a', '9a', '5b', '2a', '9b', '5c', '7a'].map((name) =>
    slots.run(megabytes(Number(name[0])), signal, () => Promise.resolve(void started.push(name))),
  );
  await Promise.all(queued);
  // The first one finds a free slot.
  expect(started).toEqual(['5a', '9a', '9b', '7a', '5b', '5c', '2a']);
});
