import { createHash } from 'node:crypto';
import type { Answer, Ask, Case, Situation } from '../case.ts';
import { ecr, ecrRegistry, type WireRequest } from '../request.ts';
import { dockerRegistry } from './differences.ts';
import { allow, deleteKey, disableKey, keyOf, matching, userWithKey } from './support.ts';

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const octets = { 'content-type': 'application/octet-stream' };
const mediaType = 'application/vnd.oci.image.manifest.v1+json';

const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
});
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf(config),
    size: config.length,
  },
  layers: [],
});

/** The manifest, as an artifact of a type. */
const typed = (artifactType: string, more: object = {}): string =>
  JSON.stringify({ ...(JSON.parse(manifest) as object), artifactType, ...more });
const signatureType = 'application/vnd.cncf.notary.signature';
const signature = typed(signatureType, {
  subject: { mediaType, digest: digestOf(manifest), size: manifest.length },
});

const create: Ask = ({ name }) => ecr('CreateRepository', { repositoryName: name });
const immutable: Ask = ({ name }) =>
  ecr('CreateRepository', { repositoryName: name, imageTagMutability: 'IMMUTABLE' });

const at =
  (method: string, path: string, more: Partial<WireRequest> = {}): Ask =>
  ({ name }) =>
    ecrRegistry(method, `${name}/${path}`, more);
const start = at('POST', 'blobs/uploads/');

/** A request to the upload location in the last reply. */
const continueUpload =
  (method: string, body: string, digest?: string): Ask =>
  ({ replies }) => {
    const location = new URL(replies.at(-1)?.headers['location'] ?? '', 'https://registry');
    if (digest !== undefined) location.searchParams.set('digest', digest);
    const path = location.pathname + location.search;
    return { service: 'ecr-registry', method, path, headers: octets, body };
  };
const upload: readonly Ask[] = [start, continueUpload('PUT', config, digestOf(config))];
const putManifest = (reference: string, body = manifest): Ask =>
  at('PUT', `manifests/${reference}`, { headers: { 'content-type': mediaType }, body });
const image: readonly Ask[] = [...upload, putManifest('v1')];

/** A request to the redirect location in the last reply. */
const redirected =
  (as?: WireRequest['as']): Ask =>
  ({ replies }) => {
    const path = replies.at(-1)?.headers['location'] ?? '/v2/';
    return { service: 'ecr-registry', method: 'GET', path, ...(as && { as }) };
  };

const stored: Answer = {
  status: 201,
  headers: { 'docker-content-digest': digestOf(manifest), location: /./ },
};

const noRepository: Answer = { status: 404, code: 'NAME_UNKNOWN' };
const here = ({ name }: Situation): string => name;

/**
 * A token, and a change to the key that it was issued with. No document says whether a token stays valid without
 * its key.
 */
const orphaned = (end: Ask): Pick<Case, 'given' | 'ask' | 'also' | 'revokes' | 'answer'> => ({
  given: [
    ...userWithKey(allow('ecr:GetAuthorizationToken')),
    ({ replies }) => ecr('GetAuthorizationToken', {}, { as: { key: keyOf(replies) } }),
    end,
  ],
  ask: ({ replies }) => ecrRegistry('GET', '', { as: { authorization: `Basic ${tokenIn(replies)}` } }),
  also: 'iam',
  revokes: true,
  answer: { status: 401 },
});

function tokenIn(replies: Situation['replies']): string {
  for (const { body } of replies) {
    const { authorizationData: [data] = [] } = (body ?? {}) as {
      authorizationData?: readonly { readonly authorizationToken: string }[];
    };
    if (data) return data.authorizationToken;
  }
  throw new Error('no token was issued');
}

/** The distribution API of ECR, for pushes and pulls. */
export const ecrRegistryCases: readonly Case[] = [
  {
    name: 'one who does not log in is challenged for Basic',
    ask: () => ecrRegistry('GET', '', { as: 'anonymous' }),
    answer: { status: 401, headers: { 'www-authenticate': /^Basic realm="/ } },
  },
  {
    name: 'a token that was never issued is refused',
    ask: () =>
      ecrRegistry('GET', '', {
        as: { authorization: `Basic ${Buffer.from(`AWS:${'bm9uc2Vuc2U'.repeat(20)}`).toString('base64')}` },
      }),
    answer: { status: 401 },
  },
  {
    name: 'a login whose password is not a token is malformed',
    ask: () =>
      ecrRegistry('GET', '', {
        as: { authorization: `Basic ${Buffer.from('AWS:not a token').toString('base64')}` },
      }),
    answer: { status: 400 },
    differs: { 'docker-registry': dockerRegistry.anyPassword },
  },
  { name: 'a token of a key that was disabled since is refused', ...orphaned(disableKey) },
  { name: 'a token of a key that was deleted since is refused', ...orphaned(deleteKey) },
  {
    name: 'an expired token is denied, not challenged',
    needs: {
      capability: 'expiredEcrToken',
      decides:
        'Amazon ECR User Guide, "Troubleshooting errors with Docker commands": HTTP 403, "Your Authorization Token has expired"',
    },
    ask: ({ capabilities }) =>
      ecrRegistry('GET', '', { as: { authorization: capabilities.expiredEcrToken?.() ?? '' } }),
    answer: { status: 403, code: 'DENIED', body: { errors: [{ message: matching(/expired/) }] } },
  },
  {
    name: 'one request too many is refused, with the seconds to wait',
    needs: {
      capability: 'throttle',
      decides:
        'Amazon ECR User Guide, "Service quotas"; distribution specification: TOOMANYREQUESTS, and RFC 6585',
    },
    ask: at('GET', 'manifests/v1'),
    answer: { status: 429, code: 'TOOMANYREQUESTS', headers: { 'retry-after': /^\d+$/ } },
  },
  {
    name: 'a request with a login is accepted',
    ask: () => ecrRegistry('GET', ''),
    answer: { status: 200, headers: { 'docker-distribution-api-version': 'registry/2.0' } },
  },
  {
    name: 'a manifest of a repository that does not exist is refused',
    ask: at('GET', 'manifests/v1'),
    answer: noRepository,
    differs: { 'docker-registry': dockerRegistry.anyName('404 MANIFEST_UNKNOWN') },
  },
  {
    name: 'a manifest that does not exist is refused',
    given: [create],
    ask: at('GET', 'manifests/v1'),
    answer: { status: 404, code: 'MANIFEST_UNKNOWN' },
  },
  {
    name: 'an upload starts with the address for its next request',
    given: [create],
    ask: start,
    answer: { status: 202, headers: { location: /\/blobs\/uploads\//, range: /^(bytes=)?0-0$/ } },
  },
  {
    name: 'an upload into a repository that does not exist is refused',
    ask: start,
    answer: noRepository,
    differs: { 'docker-registry': dockerRegistry.anyName('202') },
  },
  {
    name: 'a blob is stored by one PUT',
    given: [create, start],
    ask: continueUpload('PUT', config, digestOf(config)),
    answer: { status: 201, headers: { 'docker-content-digest': digestOf(config) } },
  },
  {
    name: 'a blob of another digest is refused',
    given: [create, start],
    ask: continueUpload('PUT', 'something else', digestOf(config)),
    answer: { status: 400, code: 'DIGEST_INVALID' },
  },
  {
    name: 'HEAD of a blob returns its length',
    given: [create, ...upload],
    ask: at('HEAD', `blobs/${digestOf(config)}`),
    answer: { status: 200, headers: { 'content-length': String(config.length) } },
  },
  {
    name: 'HEAD of a blob that does not exist is refused without a body',
    given: [create],
    ask: at('HEAD', `blobs/${digestOf('absent')}`),
    answer: { status: 404 },
  },
  {
    name: 'a blob is returned by a redirect to its storage',
    given: [create, ...image],
    ask: at('GET', `blobs/${digestOf(config)}`),
    answer: { status: 307, headers: { location: /^https:/ } },
    differs: { 'docker-registry': dockerRegistry.ownStorage },
  },
  {
    name: 'the redirect of a blob works without the login',
    given: [create, ...image, at('GET', `blobs/${digestOf(config)}`)],
    ask: redirected('anonymous'),
    answer: { status: 200, headers: { 'content-length': String(config.length) }, body: JSON.parse(config) },
    differs: { 'docker-registry': dockerRegistry.noRedirect('401 UNAUTHORIZED') },
  },
  {
    name: 'the redirect of a blob refuses the login',
    given: [create, ...image, at('GET', `blobs/${digestOf(config)}`)],
    ask: redirected(),
    answer: { status: 400, body: { Code: 'InvalidArgument' } },
    differs: { 'docker-registry': dockerRegistry.noRedirect('200') },
  },
  {
    name: 'a mount from a repository that does not have the blob begins an upload',
    given: [create],
    ask: (situation) =>
      ecrRegistry(
        'POST',
        `${here(situation)}/blobs/uploads/?mount=${digestOf('absent')}&from=${here(situation)}-2`,
      ),
    answer: { status: 202, headers: { location: /\/blobs\/uploads\// } },
  },
  {
    name: 'a mount from a repository that has the blob in an image spares the upload',
    needs: {
      capability: 'mountBlobs',
      decides:
        'Amazon ECR API Reference, PutAccountSetting: BLOB_MOUNTING; distribution specification, "Mounting a blob from another repository": 201',
    },
    given: [create, ...image, ({ name }) => ecr('CreateRepository', { repositoryName: `${name}-2` })],
    ask: ({ name }) => ecrRegistry('POST', `${name}-2/blobs/uploads/?mount=${digestOf(config)}&from=${name}`),
    answer: ({ name }) => ({
      status: 201,
      headers: {
        location: new RegExp(`/${name}-2/blobs/${digestOf(config)}$`),
        'docker-content-digest': digestOf(config),
      },
    }),
  },
  {
    name: 'a manifest is stored under a tag, and its digest is returned',
    given: [create, ...upload],
    ask: putManifest('v1'),
    answer: stored,
  },
  {
    name: 'a manifest is stored under its digest alone',
    given: [create, ...upload],
    ask: putManifest(digestOf(manifest)),
    answer: stored,
  },
  {
    name: 'a manifest under another digest is refused',
    given: [create, ...upload],
    ask: putManifest(digestOf('another')),
    answer: { status: 400, code: 'DIGEST_INVALID' },
  },
  {
    name: 'an empty blob is refused',
    given: [create, start],
    ask: continueUpload('PUT', '', digestOf('')),
    answer: {
      status: 400,
      code: 'BLOB_UPLOAD_INVALID',
      body: { errors: [{ message: matching(/any parts/) }] },
    },
    differs: { 'docker-registry': dockerRegistry.anyBlob },
  },
  {
    name: 'a manifest of a type that ECR does not know is refused',
    given: [create, ...upload],
    ask: at('PUT', 'manifests/v1', { headers: { 'content-type': 'application/json' }, body: manifest }),
    answer: { status: 400, code: 'UNSUPPORTED' },
    differs: { 'docker-registry': dockerRegistry.unknownTypeInvalid },
  },
  {
    name: 'a manifest of a type of artifact that ECR does not accept is refused',
    given: [create, ...upload],
    ask: putManifest('v1', typed('application/vnd.docker.attestation.manifest.v1+json')),
    answer: { status: 405, code: 'UNSUPPORTED' },
    differs: { 'docker-registry': dockerRegistry.anyArtifact },
  },
  {
    name: 'a manifest of a type of artifact with a parameter is refused',
    given: [create, ...upload],
    ask: putManifest('v1', typed('application/vnd.dev.sigstore.bundle+json;version=0.2')),
    answer: { status: 405, code: 'UNSUPPORTED' },
    differs: { 'docker-registry': dockerRegistry.anyArtifactType },
  },
  {
    name: 'a manifest with a subject is stored, and its subject is confirmed',
    given: [create, ...image],
    ask: putManifest(digestOf(signature), signature),
    answer: { status: 201, headers: { 'oci-subject': digestOf(manifest) } },
    differs: { 'docker-registry': dockerRegistry.noReferrers('201') },
  },
  {
    name: 'the manifests that refer to a manifest are listed with their types',
    given: [create, ...image, putManifest(digestOf(signature), signature)],
    ask: at('GET', `referrers/${digestOf(manifest)}`),
    answer: {
      status: 200,
      headers: { 'content-type': /^application\/vnd\.oci\.image\.index\.v1\+json/ },
      body: {
        manifests: [
          { mediaType, digest: digestOf(signature), size: signature.length, artifactType: signatureType },
        ],
      },
    },
    differs: { 'docker-registry': dockerRegistry.noReferrers('404') },
  },
  {
    name: 'the list is empty for a manifest that nothing refers to',
    given: [create, ...image],
    ask: at('GET', `referrers/${digestOf(manifest)}`),
    answer: { status: 200, body: { manifests: [] } },
    differs: { 'docker-registry': dockerRegistry.noReferrers('404') },
  },
  {
    name: 'a manifest whose list of layers is null is refused',
    given: [create, ...upload],
    ask: putManifest('v1', JSON.stringify({ ...(JSON.parse(manifest) as object), layers: null })),
    answer: { status: 400, code: 'MANIFEST_INVALID' },
    differs: { 'docker-registry': dockerRegistry.nullLayers },
  },
  {
    name: 'a manifest is stored without its non-distributable layers',
    given: [create, ...upload],
    ask: putManifest(
      'v1',
      JSON.stringify({
        ...(JSON.parse(manifest) as object),
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
            digest: digestOf('elsewhere'),
            size: 9,
            urls: ['https://example.com/layer'],
          },
        ],
      }),
    ),
    answer: { status: 201 },
    differs: { 'docker-registry': dockerRegistry.foreignUrl },
  },
  {
    name: 'a manifest whose config has null for its URLs is stored',
    given: [create, ...upload],
    ask: putManifest('v1', manifest.replace('"size":', '"urls":null,"size":')),
    answer: { status: 201 },
  },
  {
    name: 'a body that is not a manifest is refused',
    given: [create],
    ask: putManifest('v1', 'nonsense'),
    answer: { status: 400, code: 'MANIFEST_INVALID' },
  },
  {
    name: 'a manifest whose blobs do not exist is refused',
    given: [create],
    ask: putManifest('v1'),
    answer: { status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
    differs: { 'docker-registry': dockerRegistry.missingBlob400 },
  },
  {
    name: 'a manifest is returned as it was pushed',
    given: [create, ...image],
    ask: at('GET', 'manifests/v1', { headers: { accept: mediaType } }),
    answer: {
      status: 200,
      headers: { 'content-type': mediaType, 'docker-content-digest': digestOf(manifest) },
      body: JSON.parse(manifest),
    },
  },
  {
    name: 'a mirror client that names the upstream host gets a manifest',
    given: [create, ...image],
    ask: at('GET', 'manifests/v1?ns=docker.io', { headers: { accept: mediaType } }),
    answer: {
      status: 200,
      headers: { 'content-type': mediaType, 'docker-content-digest': digestOf(manifest) },
      body: JSON.parse(manifest),
    },
  },
  {
    name: 'a mirror client that names the upstream host gets a blob',
    given: [create, ...image],
    ask: at('GET', `blobs/${digestOf(config)}?ns=docker.io`),
    answer: { status: 307, headers: { location: /^https:/ } },
    differs: { 'docker-registry': dockerRegistry.ownStorage },
  },
  {
    name: 'HEAD of a manifest returns its digest',
    given: [create, ...image],
    ask: at('HEAD', 'manifests/v1', { headers: { accept: mediaType } }),
    answer: {
      status: 200,
      headers: { 'docker-content-digest': digestOf(manifest), 'content-length': String(manifest.length) },
    },
  },
  {
    name: 'tags are listed',
    given: [create, ...image],
    ask: at('GET', 'tags/list'),
    answer: ({ name }) => ({ status: 200, body: { name, tags: ['v1'] } }),
  },
  {
    name: 'an immutable tag is not overwritten',
    given: [immutable, ...image],
    ask: putManifest('v1'),
    answer: { status: 400, code: 'TAG_INVALID', body: { errors: [{ message: matching(/immutable/) }] } },
    differs: { 'docker-registry': dockerRegistry.alwaysMutable },
  },
];
