import { createHash } from 'node:crypto';
import type { ImageDescription, ImageSource, PullResult } from '../ports.ts';
import type { MirrorHost } from './hosts-file.ts';
import { isCrio, type Node, type NodeMachine } from './node-machine.ts';
import { parseReference, type Reference } from './references.ts';

/** A Secret with the decoded text of its `.dockerconfigjson`. */
export interface PullSecret {
  readonly uid: string;
  readonly config: string;
}

/** Pulls an image to a node as its container runtime does. @returns the error of the runtime when the pull fails */
export async function pullImage(
  { machine, node, images }: { machine: NodeMachine; node: Node; images: ImageSource },
  image: string,
  secrets: readonly PullSecret[] = [],
): Promise<string | undefined> {
  const reference = parseReference(image);
  const { architecture = 'amd64', operatingSystem = 'linux', ...info } = node.status?.nodeInfo ?? {};
  const { containerRuntimeVersion = '' } = info;
  const platform = `${operatingSystem}/${architecture}`;
  if (isCrio(node)) return pullWithCrio({ machine, images }, reference, platform, secrets);
  const failure = (why: string) => `failed to pull and unpack image "${reference.name}": ${why}`;

  const mirrors = machine.mirrorsOf(reference.host, containerRuntimeVersion);
  if (mirrors !== undefined) {
    const pulled = await pullFromMirrors(images, reference, platform, mirrors);
    if (typeof pulled === 'string') return failure(pulled);
    store(machine, images, reference, { from: pulled.from });
    return undefined;
  }
  const { result, secret } = await pullDirectly(images, reference, platform, secrets);
  if (result !== 'pulled') return failure(describeFailure(reference, result));
  const known = secret !== undefined && hasLogin(secret.config, reference.host) ? [secret.uid] : [];
  store(machine, images, reference, { from: reference.name, secrets: known });
  return undefined;
}

/**
 * Pulls an image as CRI-O 1.34 does. It sends a pull secret only if the image comes from the host of its name
 * (newImageSourceAttempt in docker/docker_image_src.go of github.com/containers/image).
 */
async function pullWithCrio(
  { machine, images }: { machine: NodeMachine; images: ImageSource },
  reference: Reference,
  platform: string,
  secrets: readonly PullSecret[],
): Promise<string | undefined> {
  const { host, repository, tag, digest } = reference;
  const remote = machine.locateOnCrio(reference);
  if (remote === undefined || remote.host === host) {
    const { result, secret } = await pullDirectly(images, reference, platform, secrets);
    if (result !== 'pulled') return crioFailure(result, { host, repository }, tag ?? digest);
    const known = secret !== undefined && hasLogin(secret.config, host) ? [secret.uid] : [];
    store(machine, images, reference, { from: reference.name, secrets: known });
    return undefined;
  }
  const from = `${remote.repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
  const authorization = remote.login === undefined ? undefined : `Basic ${remote.login}`;
  const result = await images.pullWithHeader(from, platform, authorization);
  if (result !== 'pulled') return crioFailure(result, remote, tag ?? digest);
  store(machine, images, reference, { from });
  return undefined;
}

/** As seen with CRI-O 1.34. The text after the repository is that of ECR. */
function crioFailure(
  result: Exclude<PullResult, 'pulled'> | number,
  { host, repository }: { host: string; repository: string },
  version = '',
): string {
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host;
  const reading = `reading manifest ${version} in ${repository}`;
  const texts: Readonly<Partial<Record<string, string>>> = {
    'no-route': `pinging container registry ${server}: Get "https://${server}/v2/": dial tcp: lookup ${server}: no such host`,
    'no-matching-platform': 'no image found in image index for architecture "amd64", variant "", OS "linux"',
    unauthorized: `${reading}: authentication required`,
    401: `${reading}: authentication required`,
    403: `${reading}: denied: Your authorization token has expired. Reauthenticate and try again.`,
    'not-found': `${reading}: manifest unknown`,
    404: `${reading}: manifest unknown`,
  };
  const text = texts[String(result)] ?? `${reading}: received unexpected HTTP status: ${result}`;
  return `unable to try pulling possible OCI artifact: build image source: ${text}`;
}

/** Tries the secrets in order, as the kubelet does. */
async function pullDirectly(
  images: ImageSource,
  { name }: Reference,
  platform: string,
  secrets: readonly PullSecret[],
): Promise<{ result: PullResult; secret?: PullSecret }> {
  if (secrets.length === 0) return { result: await images.pull(name, platform, []) };
  let result: PullResult = 'unauthorized';
  for (const secret of secrets) {
    result = await images.pull(name, platform, [secret.config]);
    if (result !== 'unauthorized') return { result, secret };
  }
  return { result };
}

/**
 * Asks the mirrors in order. The upstream host is not asked unless the file names it. As in containerd, a mirror
 * without the image is skipped, and otherwise the first error is reported.
 * @returns the reference at the mirror, or the error
 */
async function pullFromMirrors(
  images: ImageSource,
  { name, host, path, tag, digest }: Reference,
  platform: string,
  mirrors: readonly MirrorHost[],
): Promise<{ from: string } | string> {
  const resolve = `failed to resolve reference "${name}"`;
  let first: string | undefined;
  for (const mirror of mirrors) {
    const suffix = digest === undefined ? `:${tag}` : `@${digest}`;
    const from = `${mirror.host}${mirror.path.replace(/^\/v2/, '')}/${path}${suffix}`;
    const url = `https://${mirror.host}${mirror.path}/${path}/manifests/${digest ?? tag}?ns=${host}`;
    const result = await images.pullWithHeader(from, platform, mirror.authorization);
    if (result === 'pulled') return { from };
    if (result === 'no-matching-platform') return noMatchingPlatform;
    if (result === 404) continue;
    if (result === 'no-route')
      first ??= `failed to do request: Head "${url}": dial tcp: lookup ${mirror.host}: no such host`;
    else if (result === 401) first ??= noCredentials;
    else
      first ??=
        `unexpected status from HEAD request to ${url}: ${result} ${statusTexts[result] ?? ''}`.trim();
  }
  return `${resolve}: ${first ?? `${name}: not found`}`;
}

const noMatchingPlatform = 'no match for platform in manifest: not found';
/** The kubelet has no credentials for the upstream host that containerd could try after a 401. */
const noCredentials =
  'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials';
const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

function store(
  machine: NodeMachine,
  images: ImageSource,
  reference: Reference,
  { from, secrets = [] }: { from: string; secrets?: readonly string[] },
): void {
  const { digest, sizeBytes } = describeImage(images, from);
  const old = machine.findImage(reference);
  const kept = old?.digest === digest ? old : undefined;
  machine.addImage({
    reference,
    digest,
    sizeBytes,
    open: (kept?.open ?? false) || secrets.length === 0,
    secrets: new Set([...(kept?.secrets ?? []), ...secrets]),
  });
}

/** The digest and size of an image. An image that no registry knows gets a digest of its own. */
export function describeImage(images: ImageSource, image: string): ImageDescription {
  const [, digest = `sha256:${createHash('sha256').update(image).digest('hex')}`] = image.split('@');
  return images.describe(image) ?? { digest, sizeBytes: 1 };
}

function hasLogin(config: string, host: string): boolean {
  try {
    const { auths = {} } = JSON.parse(config) as { auths?: object };
    return Object.keys(auths).some((key) => key === host || key === `https://${host}`);
  } catch {
    return false;
  }
}

/** The error of containerd for a failed pull. */
function describeFailure(
  { name, host, path, tag, digest }: Reference,
  result: Exclude<PullResult, 'pulled'>,
): string {
  const resolve = `failed to resolve reference "${name}"`;
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host;
  const url = `https://${server}/v2/${path}/manifests/${digest ?? tag}`;
  const failures = {
    unauthorized: `${resolve}: unexpected status from HEAD request to https://${host}/v2/: 401 Unauthorized`,
    'not-found': `${resolve}: ${name}: not found`,
    'no-matching-platform': noMatchingPlatform,
    'no-route': `${resolve}: failed to do request: Head "${url}": dial tcp: lookup ${server}: no such host`,
  };
  return failures[result];
}
