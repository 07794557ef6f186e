import { digestOf, isDigest } from '../../clients/registry/digest.ts';
import { parseManifest } from '../../clients/registry/manifest.ts';
import { isOperatorYaml, type Layout, operatorYamlType } from './layout.ts';

/** The file's name in the layout, and the title by which other tools save it. */
const fileName = 'external-secrets.yaml';

const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  yaml: 'application/yaml',
} as const;

/**
 * Stores the operator's YAML as an artifact of the OCI image specification. The digest of its layer is the checksum of
 * the file.
 */
export async function writeOperatorYaml(layout: Layout, text: string): Promise<void> {
  await layout.prepare();
  const add = async (mediaType: string, bytes: Buffer) => {
    const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
    if (!(await layout.has(blob.digest))) await layout.writeBlob(blob, bytes);
    return blob;
  };
  const config = await add(mediaTypes.empty, Buffer.from('{}'));
  const yaml = await add(mediaTypes.yaml, Buffer.from(text));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: operatorYamlType,
      config,
      layers: [{ ...yaml, annotations: { 'org.opencontainers.image.title': fileName } }],
    }),
  );
  const { mediaType, digest } = await add(mediaTypes.manifest, bytes);
  await layout.addEntry({ mediaType, digest, bytes }, fileName, { artifactType: operatorYamlType });
}

/** @returns undefined if the layout has none @throws BootstrapError `layout-invalid`, `image-corrupt` */
export async function readOperatorYaml(layout: Layout): Promise<string | undefined> {
  const entry = (await layout.entries()).find(isOperatorYaml);
  const raw = entry && (await layout.read(entry.digest, entry.mediaType));
  if (!raw) return undefined;
  const what = `could not read the operator's YAML of ${layout.name}`;
  const { blobs } = parseManifest(raw.bytes, raw.mediaType, what);
  const digest = blobs.find(({ mediaType }) => mediaType === mediaTypes.yaml)?.digest;
  const yaml = isDigest(digest) ? await layout.read(digest) : undefined;
  return yaml?.bytes.toString('utf8');
}
