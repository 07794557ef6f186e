import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inGroups } from '../../../src/mirror/registry/groups.ts';

async function groupsOf(work: readonly Promise<string>[], waitMs: number): Promise<string[][]> {
  const groups: string[][] = [];
  for await (const { members } of inGroups(work, waitMs)) groups.push([...members].sort());
  return groups;
}

/** A time that no test reaches. */
const never = 60_000;

describe('groups of results', () => {
  it('are one group when all arrive in time, which is complete at once', async () => {
    expect(await groupsOf([Promise.resolve('a'), delay(20, 'b')], never)).toEqual([['a', 'b']]);
  });

  it('do not wait for a late result', async () => {
    let arrive: (value: string) => void = () => undefined;
    const late = new Promise<string>((resolve) => (arrive = resolve));
    const groups: unknown[] = [];
    for await (const group of inGroups([late, Promise.resolve('a')], 10)) {
      groups.push(group);
      arrive('late');
    }
    expect(groups).toEqual([
      { members: ['a'], isLast: false },
      { members: ['late'], isLast: true },
    ]);
  });

  it('are none when there is nothing to wait for', async () => {
    expect(await groupsOf([], never)).toEqual([]);
  });

  it('end with the first error, also when it occurs before they are read', async () => {
    const groups = inGroups([delay(never, 'a', { ref: false }), Promise.reject(new Error('failed'))], never);
    await delay(1);
    await expect(groups.next()).rejects.toThrow('failed');
  });
});
