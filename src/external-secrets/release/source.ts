import { readFile } from 'node:fs/promises';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Config } from '../../config/schema.ts';
import { decodeText } from '../../core/decode-text.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import type { Net } from '../../clients/net/index.ts';
import { onceFulfilled } from '../../core/once.ts';
import { sha256 } from '../../core/sha256.ts';
import { TextCache } from './cache.ts';
import { download } from './download.ts';
import { verifyOfficial } from './official.ts';
import { parseObjects, unusable } from './parse.ts';
import type { OperatorLayout, OperatorManifest, OperatorSource } from './port.ts';

/** The URL of the release manifest. */
export const releaseUrl =
  'https://github.com/external-secrets/external-secrets/releases/download/v0.12.1/external-secrets.yaml';

export interface OperatorSourceOptions {
  readonly config: Pick<Config['externalSecrets'], 'manifest' | 'sha256'>;
  readonly net: Net;
  /** The cache folder of ecr-bootstrap. */
  readonly cacheDir: string;
  /** Where the manifest is taken from if it has one. */
  readonly layout?: OperatorLayout | undefined;
}

/**
 * Loads the operator manifest from the configured file or URL, by default from the release. Caches what was downloaded
 * and what was parsed, because parsing takes a quarter of a second.
 */
export function createOperatorSource(options: OperatorSourceOptions): OperatorSource {
  const read = onceFulfilled(() => readManifest(options));
  const load = onceFulfilled(async () => verify(await read(), options));
  return {
    load,
    yaml: async () => {
      const { sha256: digest } = await load();
      return { text: (await read()).text, sha256: digest };
    },
  };
}

interface ManifestText {
  readonly text: string;
  readonly from: string;
}

async function readManifest({ config, net, cacheDir, layout }: OperatorSourceOptions): Promise<ManifestText> {
  const inLayout = await layout?.operatorYaml();
  if (layout && inLayout !== undefined) return { text: inLayout, from: layout.name };
  const from = config.manifest ?? releaseUrl;
  const isUrl = /^https?:\/\//i.test(from);
  const text = isUrl
    ? await downloaded(from, config.sha256, net, new TextCache(cacheDir))
    : await readLocal(from);
  return { text, from };
}

async function verify(
  { text, from }: ManifestText,
  { config, cacheDir, layout }: OperatorSourceOptions,
): Promise<OperatorManifest> {
  const cache = new TextCache(cacheDir);
  const wanted = config.sha256;
  const digest = sha256(text);
  if (wanted !== undefined && digest !== wanted) {
    throw unusable(from, `its SHA-256 is ${digest}, and externalSecrets.sha256 requires ${wanted}`);
  }
  const objects = await parsed(text, digest, from, cache);
  // Also when it comes from the cache: an older version may have verified less.
  verifyOfficial(objects, from);
  // For later commands without the layout, for example `status`.
  if (from === layout?.name) await cache.write(cacheName(releaseUrl), text);
  return { objects, sha256: digest, from };
}

const cacheName = (url: string): string => `operator-${sha256(url)}.yaml`;

/** Uses the cache when the cached manifest has the configured checksum, or when none is configured. */
async function downloaded(
  url: string,
  wanted: string | undefined,
  net: Net,
  cache: TextCache,
): Promise<string> {
  const name = cacheName(url);
  const cached = await cache.read(name);
  if (cached !== undefined && (wanted === undefined || sha256(cached) === wanted)) return cached;
  const text = await download(url, net);
  verifyOfficial(await parseObjects(text, url), url);
  await cache.write(name, text);
  return text;
}

async function readLocal(path: string): Promise<string> {
  try {
    return decodeText(await readFile(path));
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'file-missing',
        what: `could not read the operator manifest ${path}`,
        why: reasonOf(error),
        hint: 'Fix --manifest or externalSecrets.manifest, or remove it to use the release from GitHub.',
      },
      { cause: error },
    );
  }
}

async function parsed(
  text: string,
  digest: string,
  from: string,
  cache: TextCache,
): Promise<readonly KubeObject[]> {
  const name = `operator-${digest}.json`;
  const cached = await cache.read(name);
  if (cached !== undefined) return JSON.parse(cached) as KubeObject[];
  const objects = await parseObjects(text, from);
  await cache.write(name, JSON.stringify(objects));
  return objects;
}
