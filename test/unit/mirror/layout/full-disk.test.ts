import { expect, it } from 'vitest';
import { runOnSmallDisk } from '../../../support/small-disk.ts';

/** Copies images of 100 kB until the disk is full, deletes one file of another program, and continues. */
const script = `
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
const { Layout } = await import(process.argv[1]);
const folder = process.argv[2];
writeFileSync(folder + '/other', Buffer.alloc(200_000));
const open = () => new Layout(folder + '/images', 'oci:images');
const add = async (layout, number) => {
  const bytes = Buffer.alloc(100_000, number);
  const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
  await layout.writeBlob({ digest, size: bytes.length }, bytes);
  await layout.addEntry({ digest, mediaType: 'application/octet-stream', bytes }, 'quay.io/team/app:' + number);
};
const fill = async () => {
  const layout = open();
  await layout.prepare();
  const from = (await layout.entries()).length;
  for (let number = from; ; number += 1) {
    try { await add(layout, number); } catch (error) { return { code: error.code, why: error.why, hint: error.hint }; }
  }
};
const state = async () => {
  const layout = open();
  const entries = await layout.entries();
  const intact = [];
  for (const { digest } of entries) intact.push(await layout.has(digest));
  const files = readdirSync(folder + '/images').sort();
  return { entries: entries.length, isIntact: !intact.includes(false), files, blobs: readdirSync(folder + '/images/blobs/sha256').length };
};
const [error, full] = [await fill(), await state()];
rmSync(folder + '/other');
await fill();
console.log(JSON.stringify({ error, full, resumed: await state() }));
`;

it('keeps a valid layout on a disk that is really full, and continues when there is space', ({ skip }) => {
  const layout = new URL('../../../../src/mirror/layout/layout.ts', import.meta.url);
  const ran = runOnSmallDisk(script, layout);
  if (!ran) return skip('this machine does not let a test mount a disk');
  expect(ran.stderr).toBe('');
  const { error, full, resumed } = JSON.parse(ran.stdout) as Record<
    string,
    { entries: number; blobs: number }
  >;
  expect(error).toEqual({
    code: 'layout-unwritable',
    why: 'the disk is full',
    hint: expect.stringContaining('It adds only what is missing.') as string,
  });
  const whole = { isIntact: true, files: ['blobs', 'index.json', 'oci-layout'] };
  expect(full).toMatchObject(whole);
  expect(resumed).toMatchObject(whole);
  expect(full?.entries).toBeGreaterThan(3);
  expect(resumed?.entries).toBeGreaterThan(full?.entries ?? Infinity);
});
