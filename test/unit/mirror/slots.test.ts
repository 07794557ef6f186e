import { expect, it } from 'vitest';
import { digestOf } from '../../../src/clients/registry/digest.ts';
import { Slots } from '../../../src/mirror/registry/slots.ts';

/** Names of blobs in the order of their start. A name begins with the size in megabytes; `!` marks those others wait for. */
async function startedOf(names: readonly string[]): Promise<string[]> {
  const slots = new Slots(1);
  const { signal } = new AbortController();
  const started: string[] = [];
  const queued = names.map((name) => {
    const blob = { digest: digestOf(Buffer.from(name)), mediaType: '', size: Number(name[0]) * 1024 * 1024 };
    const job = { blob, isAwaited: name.endsWith('!') };
    return slots.run(job, signal, () => Promise.resolve(void started.push(name)));
  });
  await Promise.all(queued);
  return started;
}

it('grants slots to the largest blobs first, and to equal ones in order of arrival', async () => {
  // The first one finds a free slot.
  expect(await startedOf(['5a', '9a', '5b', '2a', '9b', '5c', '7a'])).toEqual([
    ...['5a', '9a', '9b', '7a', '5b', '5c', '2a'],
  ]);
});

it('grants slots to blobs of images that others wait for before larger ones', async () => {
  expect(await startedOf(['5a', '9a', '2a!', '7a', '4a!'])).toEqual(['5a', '4a!', '2a!', '9a', '7a']);
});
