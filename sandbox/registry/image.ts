import { gzipSync } from 'node:zlib';
import { type Content, digestOf, fieldsOf, type Repository } from './storage.ts';

/** An image to build. Builds are deterministic: the same seed always has the same digests. */
export interface ImageSeed {
  /** `os/arch` or `os/arch/variant`; more than one gives an index. */
  readonly platforms?: readonly string[];
  /** Contents of layers that all platforms share, for example the base of several images. */
  readonly base?: readonly string[];
  /** The number of layers that each platform has in addition. */
  readonly layers?: number;
  /** Uses the manifest formats of Docker instead of OCI. */
  readonly schema2?: boolean;
  /** Creates an index even for one platform. */
  readonly index?: boolean;
  /** Adds an attestation with platform `unknown/unknown` for each platform, as buildx does. */
  readonly attestations?: boolean;
  /** Existing blobs as further layers, for example a large virtual blob. */
  readonly blobs?: readonly { readonly digest: string; readonly content: Content }[];
}

/** The digest of the tag, and the digest of each platform. */
export interface SeededImage {
  readonly digest: string;
  readonly platforms: Readonly<Record<string, string>>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const OCI = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};
const SCHEMA2 = {
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};

/** Functions that store content in a repository and return its descriptor. */
const adding = (repository: Repository) => ({
  addBlob: (mediaType: string, content: Content, digest: string): Descriptor => {
    repository.blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  },
  addManifest: (mediaType: string, fields: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
    const digest = digestOf(bytes);
    repository.manifests.set(digest, { digest, mediaType, bytes, pushedAt: 0 });
    return { mediaType, digest, size: bytes.length };
  },
});

/** Builds an image into a repository under a tag. @param name part of the contents of the layers */
export function buildImage(repository: Repository, name: string, tag: string, seed: ImageSeed): SeededImage {
  const { platforms = ['linux/amd64'], base = [], layers = 1, blobs = [], attestations = false } = seed;
  const types = seed.schema2 ? SCHEMA2 : OCI;

  const { addBlob, addManifest } = adding(repository);
  const addImage = (os: string, architecture: string, contents: readonly string[]): Descriptor => {
    const built = contents.map(layerOf);
    const packed = built.map(({ bytes, digest }) => addBlob(types.layer, bytes, digest));
    const ready = blobs.map(({ digest, content }) => addBlob(types.layer, content, digest));
    const diffIds = [...built.map(({ diffId }) => diffId), ...blobs.map(({ digest }) => digest)];
    const rootfs = { type: 'layers', diff_ids: diffIds };
    const config = Buffer.from(JSON.stringify({ os, architecture, config: {}, rootfs, history: [] }));
    return addManifest(types.manifest, {
      config: addBlob(types.config, config, digestOf(config)),
      layers: [...packed, ...ready],
    });
  };

  const images = platforms.map((platform) => {
    const [os = '', architecture = '', variant] = platform.split('/');
    const own = Array.from({ length: layers }, (_, number) => `${name}:${tag} ${platform} layer ${number}`);
    const image = addImage(os, architecture, [...base, ...own]);
    return { ...image, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
  });
  const attested = (attestations ? images : []).map(({ digest }) => ({
    ...addImage('unknown', 'unknown', [`attestation of ${digest}`]),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digest,
    },
  }));
  const children = [...images, ...attested];
  const [only] = images;
  const alone = children.length === 1 && !seed.index && only !== undefined;
  const top = alone ? only : addManifest(types.index, { manifests: children });
  repository.tags.set(tag, top.digest);
  const entries = platforms.map((platform, number) => [platform, images[number]?.digest ?? '']);
  return { digest: top.digest, platforms: Object.fromEntries(entries) as Record<string, string> };
}

/** A signature, an attestation or an SBOM. */
export interface ArtifactSeed {
  /** The digest of what it belongs to. */
  readonly subject: string;
  readonly artifactType: string;
  readonly content: string;
  /** What cosign adds to the tag of its subject: then the tag says what it belongs to, and not the manifest. */
  readonly suffix?: string;
  /** Adds it to the list under the tag that takes the place of the referrers API. */
  readonly listed?: boolean;
}

/** Builds an artifact into the repository of its subject. @returns its digest */
export function buildArtifact(repository: Repository, artifact: ArtifactSeed): string {
  const { subject, artifactType, content, suffix, listed } = artifact;
  const { addBlob, addManifest } = adding(repository);
  const addText = (mediaType: string, text: string): Descriptor =>
    addBlob(mediaType, Buffer.from(text), digestOf(text));
  const owner = repository.manifests.get(subject);
  const tag = subject.replace(':', '-');
  const manifest = addManifest(OCI.manifest, {
    ...(suffix === undefined && { artifactType }),
    config: addText('application/vnd.oci.empty.v1+json', '{}'),
    layers: [addText(artifactType, content)],
    ...(suffix === undefined && {
      subject: {
        mediaType: owner?.mediaType ?? OCI.manifest,
        digest: subject,
        size: owner?.bytes.length ?? 1,
      },
    }),
  });
  if (suffix !== undefined) repository.tags.set(tag + suffix, manifest.digest);
  if (listed) {
    const present = repository.manifest(tag);
    const { manifests = [] } = present ? fieldsOf(present) : {};
    const list = addManifest(OCI.index, { manifests: [...manifests, { ...manifest, artifactType }] });
    repository.tags.set(tag, list.digest);
  }
  return manifest.digest;
}

interface Layer {
  /** Compressed. */
  readonly bytes: Buffer;
  readonly digest: string;
  /** The digest before compression. */
  readonly diffId: string;
}

/** By content. Every sandbox has the same images, and compressing their layers would take most of its start. */
const builtLayers = new Map<string, Layer>();

/** A layer with one small file. */
function layerOf(content: string): Layer {
  const known = builtLayers.get(content);
  if (known !== undefined) return known;
  const tar = tarOf(`${digestOf(content).slice(7, 19)}.txt`, content);
  const bytes = gzipSync(tar);
  const layer = { bytes, digest: digestOf(bytes), diffId: digestOf(tar) };
  builtLayers.set(content, layer);
  return layer;
}

/** A tar archive with one small file. */
function tarOf(path: string, content: string): Buffer {
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8), 100);
  header.write(octal(Buffer.byteLength(content), 12) + octal(0, 12), 124);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte),
      7,
    )} `,
    148,
  );
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}
