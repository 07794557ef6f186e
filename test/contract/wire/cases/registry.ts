import type { Answer, Ask, Case, Situation } from '../case.ts';
import { registry, type WireRequest } from '../request.ts';
import { matching } from './support.ts';

const accept = {
  accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
};

const manifest =
  (method: string, reference: (image: Situation['image']) => string, more: Partial<WireRequest> = {}): Ask =>
  ({ image }) =>
    registry(method, `${image.repository}/manifests/${reference(image)}`, { headers: accept, ...more });
const blob =
  (method: string, headers: WireRequest['headers'] = {}): Ask =>
  ({ image }) =>
    registry(method, `${image.repository}/blobs/${image.layer.digest}`, { headers });
const nowhere = `sha256:${'0'.repeat(64)}`;

const manifestAnswer = ({ image }: Situation): Answer => ({
  status: 200,
  headers: {
    'content-type': image.mediaType,
    'docker-content-digest': image.digest,
    'content-length': /^\d+$/,
  },
});

/** A source registry that requires a login and is only read. */
export const registryCases: readonly Case[] = [
  {
    name: 'a request without a login is challenged',
    ask: () => registry('GET', '', { as: 'anonymous' }),
    answer: {
      status: 401,
      code: 'UNAUTHORIZED',
      headers: { 'www-authenticate': /^Basic realm="/ },
    },
  },
  {
    name: 'a wrong login is refused',
    ask: () =>
      registry('GET', '', { as: { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` } }),
    answer: { status: 401, code: 'UNAUTHORIZED' },
  },
  {
    name: 'a request with a login is accepted',
    ask: () => registry('GET', ''),
    answer: { status: 200 },
  },
  {
    name: 'a manifest is returned by its tag, with its digest',
    ask: manifest('GET', ({ tag }) => tag),
    answer: (situation) => ({
      ...manifestAnswer(situation),
      body: { schemaVersion: 2, layers: [{ digest: situation.image.layer.digest }] },
    }),
  },
  {
    name: 'a manifest is returned by its digest',
    ask: manifest('GET', ({ digest }) => digest),
    answer: manifestAnswer,
  },
  {
    name: 'HEAD of a manifest returns the headers only',
    ask: manifest('HEAD', ({ tag }) => tag),
    answer: manifestAnswer,
  },
  {
    name: 'a tag that does not exist is refused',
    ask: manifest('GET', () => 'absent'),
    answer: { status: 404, code: 'MANIFEST_UNKNOWN' },
  },
  {
    name: 'a digest that does not exist is refused',
    ask: manifest('GET', () => nowhere),
    answer: { status: 404, code: 'MANIFEST_UNKNOWN' },
  },
  {
    name: 'HEAD of a tag that does not exist is refused without a body',
    ask: manifest('HEAD', () => 'absent'),
    answer: { status: 404 },
  },
  {
    name: 'a manifest of a repository that does not exist is refused',
    ask: () => registry('GET', 'nobody/nothing/manifests/v1', { headers: accept }),
    answer: { status: 404, code: 'MANIFEST_UNKNOWN' },
  },
  {
    name: 'a blob is returned with its length',
    ask: blob('GET'),
    answer: ({ image }) => ({
      status: 200,
      headers: {
        'content-length': String(image.layer.size),
        'docker-content-digest': image.layer.digest,
        'content-type': 'application/octet-stream',
      },
    }),
  },
  {
    name: 'HEAD of a blob returns its length',
    ask: blob('HEAD'),
    answer: ({ image }) => ({ status: 200, headers: { 'content-length': String(image.layer.size) } }),
  },
  {
    name: 'a range returns a part of a blob',
    ask: blob('GET', { range: 'bytes=2-9' }),
    answer: ({ image }) => ({
      status: 206,
      headers: { 'content-length': '8', 'content-range': `bytes 2-9/${image.layer.size}` },
    }),
  },
  {
    name: 'an open range returns the rest of a blob',
    ask: blob('GET', { range: 'bytes=2-' }),
    answer: ({ image: { layer } }) => ({
      status: 206,
      headers: { 'content-range': `bytes 2-${layer.size - 1}/${layer.size}` },
    }),
  },
  {
    name: 'a blob that does not exist is refused',
    ask: ({ image }) => registry('GET', `${image.repository}/blobs/${nowhere}`),
    answer: { status: 404, code: 'BLOB_UNKNOWN' },
  },
  {
    name: 'tags are listed',
    ask: ({ image }) => registry('GET', `${image.repository}/tags/list`),
    answer: ({ image }) => ({ status: 200, body: { name: image.repository, tags: [image.tag] } }),
  },
  {
    name: 'tags of a repository that does not exist are refused',
    ask: () => registry('GET', 'nobody/nothing/tags/list'),
    answer: { status: 404, code: 'NAME_UNKNOWN', body: { errors: [{ message: matching(/./) }] } },
  },
  {
    name: 'a registry without the referrers API has no such path',
    ask: ({ image }) => registry('GET', `${image.repository}/referrers/${image.digest}`),
    answer: { status: 404, headers: { 'content-type': /^text\/plain/ } },
  },
];
