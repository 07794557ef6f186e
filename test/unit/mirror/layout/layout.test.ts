import { execFileSync } from 'node:child_process';
import {
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { digestOf } from '../../../../src/clients/registry/digest.ts';
import { Layout } from '../../../../src/mirror/layout/layout.ts';

let folder: string;
let layout: Layout;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'layout-'));
  layout = new Layout(folder, 'oci:images');
  await layout.prepare();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** From now on, this fails for every open file. */
async function failFiles(method: 'readFile' | 'writeFile', code: string, message: string): Promise<void> {
  const file = await open(join(folder, 'oci-layout'));
  const files = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  vi.spyOn(files, method).mockRejectedValue(Object.assign(new Error(message), { code }));
}

const fillDisk = (): Promise<void> => failFiles('writeFile', 'ENOSPC', 'no space left on device');

const blob = (text: string) => {
  const bytes = Buffer.from(text);
  return {
    digest: digestOf(bytes),
    size: bytes.length,
    bytes,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
  };
};
const names = async () => (await new Layout(folder, 'oci:images').entries()).map(({ name }) => name);

it('keeps every entry when several runs add images at once', async () => {
  const runs = [0, 1, 2].map(() => new Layout(folder, 'oci:images'));
  const image = blob('{}');
  await Promise.all(
    runs.flatMap((run, index) =>
      Array.from({ length: 20 }, (_, at) => run.addEntry(image, `quay.io/team/app:${index}-${at}`)),
    ),
  );
  expect(new Set(await names()).size).toBe(60);
  expect(readdirSync(folder).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

it('continues after a run that was killed while it held the lock', async () => {
  const lock = join(folder, 'index.json.lock');
  writeFileSync(lock, '');
  const longAgo = Date.now() / 1000 - 60;
  utimesSync(lock, longAgo, longAgo);
  await layout.addEntry(blob('{}'), 'quay.io/team/app:1');
  expect(await names()).toEqual(['quay.io/team/app:1']);
});

it('keeps every entry when several runs find the lock of a killed run', async () => {
  const lock = join(folder, 'index.json.lock');
  const longAgo = Date.now() / 1000 - 60;
  for (let round = 0; round < 30; round += 1) {
    writeFileSync(lock, '');
    utimesSync(lock, longAgo, longAgo);
    const runs = Array.from({ length: 6 }, () => new Layout(folder, 'oci:images'));
    await Promise.all(runs.map((run, at) => run.addEntry(blob('{}'), `quay.io/team/app:${round}-${at}`)));
  }
  expect(new Set(await names()).size).toBe(180);
  expect(readdirSync(folder).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
});

it('does not wait for runs that were killed while they removed such a lock', async () => {
  const longAgo = Date.now() / 1000 - 60;
  for (const name of ['index.json.lock', 'index.json.lock.stale']) {
    writeFileSync(join(folder, name), '');
    utimesSync(join(folder, name), longAgo, longAgo);
  }
  await new Layout(folder, 'oci:images').prepare();
  await layout.addEntry(blob('{}'), 'quay.io/team/app:1');
  expect(await names()).toEqual(['quay.io/team/app:1']);
});

it('does not wait for a lock that is a link to nothing', async () => {
  const lock = join(folder, 'index.json.lock');
  symlinkSync('nowhere', lock);
  lutimesSync(lock, 0, 0);
  await layout.addEntry(blob('{}'), 'quay.io/team/app:1');
  expect(await names()).toEqual(['quay.io/team/app:1']);
});

it.each([
  ['EACCES', 'permission denied', /permissions/],
  ['EIO', 'i/o error', /copy it again/],
])('names a file that cannot be read for %s', async (code, message, hint) => {
  const { digest, ...rest } = blob('{}');
  await layout.writeBlob({ digest, ...rest }, rest.bytes);
  await failFiles('readFile', code, message);
  await expect(layout.read(digest)).rejects.toMatchObject({
    code: 'layout-invalid',
    why: `blobs/${digest.replace(':', '/')}: ${message}`,
    hint: expect.stringMatching(hint) as string,
  });
});

it.each([
  ['a folder that does not exist', 'none', 'the folder does not exist'],
  ['a file', 'oci-layout', 'it is not a folder'],
])('says that it is %s', async (_, name, why) => {
  const wrong = new Layout(join(folder, name), 'oci:wrong');
  await expect(wrong.entries()).rejects.toMatchObject({ code: 'layout-invalid', why });
});

it('says that a file is in the place of the folder to write', async () => {
  const wrong = new Layout(join(folder, 'oci-layout'), 'oci:wrong');
  const refused = { code: 'layout-unwritable', why: 'there is a file with this name' };
  await expect(wrong.prepare()).rejects.toMatchObject(refused);
});

it('does not wait for a lock from the future, as the clock of another machine may leave it', async () => {
  const lock = join(folder, 'index.json.lock');
  writeFileSync(lock, '');
  const later = Date.now() / 1000 + 3600;
  utimesSync(lock, later, later);
  await layout.addEntry(blob('{}'), 'quay.io/team/app:1');
  expect(await names()).toEqual(['quay.io/team/app:1']);
});

it.each(['index.json', 'oci-layout'])(
  'refuses a named pipe as %s, which it could read forever',
  async (file) => {
    rmSync(join(folder, file));
    execFileSync('mkfifo', [join(folder, file)]);
    const refused = { code: 'layout-invalid', why: `its ${file} is not a file` };
    await expect(names()).rejects.toMatchObject(refused);
    await expect(new Layout(folder, 'oci:images').prepare()).rejects.toMatchObject(refused);
  },
);

it('replaces a named pipe in the place of a blob, and reads nothing from it', async () => {
  const image = blob('{"first": 1}');
  execFileSync('mkfifo', [join(folder, 'blobs', ...image.digest.split(':'))]);
  expect(await layout.has(image.digest)).toBe(false);
  expect(await layout.read(image.digest)).toBeUndefined();
  await expect(layout.openBlob(image.digest)).rejects.toMatchObject({ code: 'image-corrupt' });
  await layout.writeBlob(image, image.bytes);
  expect((await layout.read(image.digest))?.bytes).toEqual(image.bytes);
});

it('stores a blob with a SHA-512 digest', async () => {
  const image = blob('{"first": 1}');
  const digest = digestOf(image.bytes, 'sha512');
  await layout.writeBlob({ digest, size: image.size }, image.bytes);
  expect(await new Layout(folder, 'oci:images').has(digest)).toBe(true);
});

it('removes the rest of a run that was killed long ago, and nothing of one that may still run', async () => {
  const longAgo = Date.now() / 1000 - 7 * 24 * 60 * 60;
  for (const name of ['old.partial', 'new.partial']) writeFileSync(join(folder, name), '');
  utimesSync(join(folder, 'old.partial'), longAgo, longAgo);
  await new Layout(folder, 'oci:images').prepare();
  expect(readdirSync(folder)).not.toContain('old.partial');
  expect(readdirSync(folder)).toContain('new.partial');
});

it('keeps a valid layout on a full disk, and fails further writes before anything is downloaded', async () => {
  const first = blob('{"first": 1}');
  await layout.writeBlob(first, first.bytes);
  await layout.addEntry(first, 'quay.io/team/app:1');
  const index = readFileSync(join(folder, 'index.json'), 'utf8');

  await fillDisk();
  const full = { code: 'layout-unwritable', why: 'the disk is full' };
  const second = blob('{"second": 2}');
  await expect(layout.writeBlob(second, second.bytes)).rejects.toMatchObject(full);
  await expect(layout.addEntry(second, 'quay.io/team/app:1')).rejects.toMatchObject(full);
  expect(() => layout.refuseIfBroken()).toThrow('the disk is full');
  expect(readFileSync(join(folder, 'index.json'), 'utf8')).toBe(index);
  expect(readdirSync(folder).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  expect(readdirSync(join(folder, 'blobs/sha256'))).toEqual([first.digest.slice('sha256:'.length)]);
});

it('leaves no file when the content of a blob fails', async () => {
  const content = async function* () {
    yield await Promise.resolve(Buffer.from('half'));
    throw new Error('the source broke');
  };
  await expect(layout.writeBlob(blob('half and half'), content())).rejects.toThrow('the source broke');
  expect(readdirSync(join(folder, 'blobs/sha256'))).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(3);
});

it('keeps the entries and fields of other tools', async () => {
  const other = {
    digest: digestOf(Buffer.from('x')),
    annotations: { 'org.opencontainers.image.ref.name': '1.0' },
  };
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, extra: 1, manifests: [other] }),
  );
  await layout.addEntry(blob('{}'), 'quay.io/team/app:1');
  const { extra, manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    extra: number;
    manifests: object[];
  };
  expect(extra).toBe(1);
  expect(manifests[0]).toEqual(other);
  expect(manifests).toHaveLength(2);
});
