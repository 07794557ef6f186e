import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../src/clients/registry/digest.ts';
import type { EngineOptions, MirrorResult } from '../../../src/mirror/engine.ts';
import { type Blob, descriptor, jsonBlob, makeImage, makeIndex, mediaTypes } from '../../support/images.ts';
import type { Misbehavior, RecordedRequest } from '../../support/oci-server.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
let notes: string[];
beforeEach(async () => {
  world = await EngineWorld.start();
  notes = [];
});
afterEach(() => world.close());

const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
const subject = image.manifest;
const content = jsonBlob('application/vnd.example.signature', { signs: 'app' });
const nowhere = digestOf(Buffer.from('nowhere'));

const artifact = (of: Blob | undefined, more: object = {}): Blob =>
  jsonBlob(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: 'application/vnd.example.signature',
    config: descriptor(content),
    layers: [],
    ...(of && { subject: descriptor(of) }),
    ...more,
  });
const listOf = (...entries: readonly object[]): Blob =>
  jsonBlob(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries });
const tagOf = ({ digest }: Blob, suffix = ''): string => `${digest.replace(':', '-')}${suffix}`;

/** Stores manifests at the source, under further references. */
function put(...manifests: readonly (Blob | readonly [string, Blob])[]): void {
  world.source.put('app', '1', [image]);
  const { blobs, manifests: held } = world.source.repository('app');
  blobs.set(content.digest, content.bytes);
  for (const one of manifests) {
    const [reference, manifest] = 'digest' in one ? [one.digest, one] : one;
    held.set(manifest.digest, manifest).set(reference, manifest);
  }
}
const reply = (body: Blob | string, headers: Record<string, string> = {}): Misbehavior => ({
  status: 200,
  headers: { 'content-type': mediaTypes.index, ...headers },
  body: typeof body === 'string' ? body : body.bytes.toString(),
});
/** Answers for the referrers API of the source. */
function answer(respond: (request: RecordedRequest) => Misbehavior | undefined): void {
  world.source.misbehavior = (request) => (request.kind === 'GET referrers' ? respond(request) : undefined);
}
const listed =
  (...entries: readonly Blob[]) =>
  ({ reference }: RecordedRequest): Misbehavior =>
    reply(reference === subject.digest ? listOf(...entries.map(descriptor)) : listOf());

async function copy(more: Partial<EngineOptions> = {}): Promise<MirrorResult> {
  const emit: EngineOptions['emit'] = (event) => {
    if (event.type === 'note') notes.push(event.text);
  };
  const [result] = await world.copy(['app'], { referrers: true, emit, ...more });
  if (!result) throw new Error('one image was given');
  return result;
}
const held = () => world.target.repository('p/app').manifests;

it.each([
  ['belongs to another manifest', artifact(image.config)],
  ['belongs to no manifest', artifact(undefined)],
])('skips a listed referrer that %s', async (_, wrong) => {
  const right = artifact(subject);
  put(wrong, right);
  answer(listed(wrong, right));
  expect(await copy()).toMatchObject({ state: 'copied', referrers: { copied: 1, skipped: 1 } });
  expect(notes[0]).toContain(`the source lists ${wrong.digest} for ${subject.digest}, but it belongs to`);
  expect([...held().keys()]).toContain(right.digest);
  expect([...held().keys()]).not.toContain(wrong.digest);
});

it('skips a tag of cosign whose manifest belongs to another one', async () => {
  const wrong = artifact(image.config);
  put([tagOf(subject, '.sig'), wrong]);
  expect(await copy()).toMatchObject({ referrers: { copied: 0, skipped: 1 } });
  expect([...held().keys()]).not.toContain(tagOf(subject, '.sig'));
});

it('skips a referrer that the source lists and does not have', async () => {
  put();
  answer(listed(artifact(subject)));
  const result = await copy();
  expect(result).toMatchObject({ state: 'copied', referrers: { copied: 0, skipped: 1 } });
  expect(result.error).toBeUndefined();
  expect(notes).toEqual([expect.stringContaining('the registry has no such manifest')]);
});

it('skips a referrer whose manifest or content has another digest', async () => {
  const [first, second] = [artifact(subject), artifact(subject, { annotations: { number: '2' } })];
  put(first, second);
  world.source.repository('app').manifests.set(first.digest, { ...second, digest: first.digest });
  world.source.repository('app').blobs.set(content.digest, Buffer.alloc(content.bytes.length));
  answer(listed(first, second));
  expect(await copy()).toMatchObject({ state: 'copied', referrers: { copied: 0, skipped: 2 } });
  expect(held().has(second.digest)).toBe(false);
});

it.each([
  ['is not JSON', '<html>'],
  ['has a path as a digest', '{"manifests":[{"digest":"sha256:../../x","size":1}]}'],
  ['has a negative size', `{"manifests":[{"digest":"${nowhere}","size":-1}]}`],
  ['is larger than a manifest may be', ' '.repeat(5 * 1024 * 1024)],
])('skips a list that %s', async (_, body) => {
  put();
  answer(() => reply(body));
  const result = await copy();
  expect(result).toMatchObject({ state: 'copied', referrers: { copied: 0, current: 0, skipped: 1 } });
  expect(notes).toHaveLength(1);
});

it.each([
  ['404', { status: 404 }],
  ['401', { status: 401 }],
  ['405', { status: 405 }],
  ['501', { status: 501 }],
  ['a website', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
])('reads the fallback tag of a registry that answers %s to the referrers API', async (_, misbehavior) => {
  const signature = artifact(subject);
  put(signature, [tagOf(subject), listOf(descriptor(signature))]);
  answer(() => misbehavior);
  expect(await copy()).toMatchObject({ referrers: { copied: 1, skipped: 0 } });
});

it('ignores a fallback tag that resolves to the manifest itself, as in GitLab', async () => {
  put([tagOf(subject), subject]);
  expect(await copy()).toMatchObject({ referrers: { copied: 0, skipped: 0 } });
});

it('does not take the images of an index for its referrers, as the fallback tag of GitLab has them', async () => {
  const other = makeImage({ os: 'linux', architecture: 'arm64' }, ['other']);
  const index = makeIndex([image, other]);
  world.source.put('app', '1', [image, other], index);
  world.source.repository('app').manifests.set(tagOf(index), index);
  const result = await copy({ platforms: ['linux/amd64'] });
  expect(result).toMatchObject({ content: 'platform', referrers: { copied: 0, current: 0, skipped: 0 } });
});

it('ignores a fallback tag that is no list', async () => {
  put([tagOf(subject), artifact(undefined)]);
  expect(await copy()).toMatchObject({ referrers: { copied: 0, skipped: 0 } });
});

it('ignores a tag of cosign that points to the image itself', async () => {
  put([tagOf(subject, '.sig'), subject]);
  expect(await copy()).toMatchObject({ referrers: { copied: 0, current: 0, skipped: 0 } });
});

it('ends with tags of cosign that belong to each other in a circle', async () => {
  const [one, other] = [artifact(undefined, { layers: [descriptor(content)] }), artifact(undefined)];
  put([tagOf(subject, '.sig'), one], [tagOf(one, '.sig'), other], [tagOf(other, '.sig'), one]);
  expect(await copy()).toMatchObject({ referrers: { copied: 2, skipped: 0 } });
});

it('copies all pages of a list', async () => {
  const all = Array.from({ length: 3 }, (_, number) =>
    artifact(subject, { annotations: { n: `${number}` } }),
  );
  put(...all);
  answer(({ reference, path }) => {
    if (reference !== subject.digest) return reply(listOf());
    const page = Number(path.searchParams.get('page') ?? 0);
    const link = `<https://elsewhere.example${path.pathname}?page=${page + 1}>; rel="next"`;
    const [entry] = all.slice(page);
    return reply(listOf(...(entry ? [descriptor(entry)] : [])), page < 2 ? { link } : {});
  });
  expect(await copy()).toMatchObject({ referrers: { copied: 3, skipped: 0 } });
});

it('ends with a list that always has another page', async () => {
  put();
  answer(({ path }) => reply(listOf(), { link: `<${path.pathname}?n=1>; rel="next"` }));
  expect(await copy()).toMatchObject({ state: 'copied', referrers: { copied: 0, skipped: 1 } });
  expect(world.source.counts()['GET referrers']).toBe(100);
});

it('skips a list with more referrers than any real image has', async () => {
  put();
  const entries = Array.from({ length: 1001 }, (_, number) =>
    descriptor(artifact(subject, { annotations: { number: String(number) } })),
  );
  answer(() => reply(listOf(...entries)));
  expect(await copy()).toMatchObject({ state: 'copied', referrers: { copied: 0, skipped: 1 } });
  expect(notes[0]).toContain('more than 1,000');
});

it('follows referrers of referrers for four levels', async () => {
  const chain = [subject];
  for (let level = 0; level < 6; level += 1) chain.push(artifact(chain.at(-1)));
  put(...chain);
  answer(({ reference }) => {
    const next = chain[chain.findIndex(({ digest }) => digest === reference) + 1];
    return reply(listOf(...(next ? [descriptor(next)] : [])));
  });
  expect(await copy()).toMatchObject({ state: 'copied', referrers: { copied: 4, skipped: 1 } });
  expect(notes[0]).toContain('nested more than 4 levels');
});

it('does not copy an attestation twice that is a part of the image', async () => {
  const attestation = artifact(subject);
  const index = listOf({ ...descriptor(subject), platform: image.platform }, descriptor(attestation));
  put(attestation);
  world.source.put('app', '1', [image], index);
  answer(listed(attestation));
  expect(await copy()).toMatchObject({ content: 'whole', referrers: { copied: 0, current: 0, skipped: 0 } });
  expect(held().has(attestation.digest)).toBe(true);
});

it('copies a referrer that is an index, with its manifests', async () => {
  const part = artifact(undefined);
  const whole = jsonBlob(mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [descriptor(part)],
    subject: descriptor(subject),
  });
  put(part, whole);
  answer(listed(whole));
  expect(await copy()).toMatchObject({ referrers: { copied: 1, skipped: 0 } });
  expect(held().has(part.digest)).toBe(true);
});

it('lists referrers under the fallback tag of a target without the referrers API, with type and annotations', async () => {
  const annotations = { 'org.example.key': 'value' };
  const signature = artifact(subject, { annotations });
  put(signature);
  answer(listed(signature));
  await copy();
  expect(JSON.parse(held().get(tagOf(subject))?.bytes.toString() ?? '')).toMatchObject({
    mediaType: mediaTypes.index,
    manifests: [
      {
        mediaType: mediaTypes.manifest,
        digest: signature.digest,
        size: signature.bytes.length,
        artifactType: 'application/vnd.example.signature',
        annotations,
      },
    ],
  });
});

it('fails the image if the source fails to answer, and not its copy', async () => {
  put();
  answer(() => ({ status: 500 }));
  expect(await copy()).toMatchObject({ state: 'failed', error: { code: 'registry-failed' } });
  expect(held().has('1')).toBe(true);
});

it('fails the image if ECR denies access to a referrer, and copies those of other images', async () => {
  const signature = artifact(subject);
  put(signature);
  answer(listed(signature));
  world.target.misbehavior = ({ kind, reference }) =>
    kind === 'PUT manifests' && reference === signature.digest ? { status: 403 } : undefined;
  expect(await copy()).toMatchObject({ state: 'failed', error: { code: 'registry-denied' } });
});

it('copies no referrers of an image that was not copied', async () => {
  put(artifact(subject));
  answer(listed(artifact(subject)));
  world.target.put('p/app', '1', [makeImage({ os: 'linux', architecture: 'amd64' }, ['other'])]);
  const result = await copy({ noClobber: true });
  expect(result.state).toBe('kept');
  expect(result).not.toHaveProperty('referrers');
  expect(world.source.counts()['GET referrers']).toBeUndefined();
});

it('ends with the reason of an interruption, and reports no image as finished', async () => {
  put(artifact(subject));
  const stopping = new AbortController();
  const reason = new Error('interrupted');
  answer(() => {
    stopping.abort(reason);
    return reply(listOf());
  });
  const done: string[] = [];
  const emit: EngineOptions['emit'] = (event) => {
    if (event.type === 'image-done') done.push(event.source);
  };
  await expect(copy({ signal: stopping.signal, emit })).rejects.toBe(reason);
  expect(done).toEqual([]);
});
