import { BootstrapError } from '../core/errors.ts';
import { type Digest, isDigest, isTag } from '../clients/registry/digest.ts';

/** A normalized image reference: Docker Hub's short names are expanded, and a missing tag is `latest`. */
export interface Reference {
  /** Registry host with its port, if any: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** Repository within the registry: `library/nginx`. */
  readonly path: string;
  /** Missing only if the reference has a digest and no tag. */
  readonly tag?: string;
  /** If set, runtimes pull by it and ignore the tag. */
  readonly digest?: Digest;
}

const dockerHub = 'docker.io';
export const dockerHubNames: ReadonlySet<string> = new Set([
  dockerHub,
  'index.docker.io',
  'registry-1.docker.io',
]);

const hostLabel = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const hostGrammar = new RegExp(
  `^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9a-f:.]+\\])(?::(?<port>[0-9]{1,5}))?$`,
);
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const maxNameLength = 255;

/**
 * Parses a reference as users and workloads write it, with the grammar of the distribution project.
 * @throws BootstrapError `reference-invalid`
 */
export function parseReference(text: string): Reference {
  rejectScheme(text);
  const { name, tag, digest } = split(text);
  const { host, path } = locate(text, name);
  if (tag !== undefined && !isTag(tag)) {
    throw invalid(
      text,
      `"${tag}" is not a tag`,
      'Use up to 128 letters, digits and . _ - that do not begin with . or -.',
    );
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `"${digest}" is not a digest`, 'Write sha256: and 64 lowercase hexadecimal digits.');
  }
  if (digest === undefined) return { host, path, tag: tag ?? 'latest' };
  return tag === undefined ? { host, path, digest } : { host, path, tag, digest };
}

/** The same for text that may be anything. @returns undefined for an invalid reference */
export function parseIfValid(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}

/** `HOST/PATH`, without tag and digest. */
export const repositoryOf = ({ host, path }: Reference): string => `${host}/${path}`;

/** The normalized text. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryOf(reference)}${tag}${digest}`;
}

/** The short form of Docker: `nginx:1.27` for `docker.io/library/nginx:1.27`. */
export function dockerShortName(text: string): string {
  return text.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) };
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  if (colon < 0) return { name: beforeDigest, ...digest };
  return { name: beforeDigest.slice(0, colon), tag: beforeDigest.slice(colon + 1), ...digest };
}

function locate(text: string, name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  // The distribution project's rule to distinguish `team/app` on Docker Hub from `registry/app` elsewhere.
  const isHost = /[.:A-Z]/.test(first) || first === 'localhost';
  const host = isHost ? lowerCase(first) : dockerHub;
  const path = isHost ? name.slice(slash + 1) : name;
  checkHost(text, host);
  checkPath(text, name, path);
  if (!dockerHubNames.has(host)) return { host, path };
  return { host: dockerHub, path: path.includes('/') ? path : `library/${path}` };
}

/** In lowercase, `MyRegistry` alone would be a name on Docker Hub. With the default port, it remains a host. */
function lowerCase(host: string): string {
  const lower = host.toLowerCase();
  return /[.:]/.test(host) || lower === 'localhost' ? lower : `${lower}:443`;
}

/**
 * References from skopeo and containerd may have a transport, and those from browsers a scheme. Runtimes accept
 * neither.
 */
function rejectScheme(text: string): void {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) return;
  throw invalid(text, `"${scheme}" is not part of an image reference`, `Remove ${scheme}: write ${rest}`);
}

function checkHost(text: string, host: string): void {
  const match = hostGrammar.exec(host);
  // For example 1.2.3.999, which looks like an IPv4 address.
  if (!match || !URL.canParse(`https://${host.replace(/:\d+$/, '')}`))
    throw invalid(
      text,
      `"${host}" is not a registry host`,
      'Write HOST/PATH:TAG, for example ghcr.io/team/app:1.2.',
    );
  const port = match.groups?.['port'];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw invalid(text, `"${port}" is not a port`, 'Use a port from 1 to 65535.');
  }
}

function checkPath(text: string, name: string, path: string): void {
  const before = text.slice(0, name.length - path.length);
  const inLowerCase = `${before}${path.toLowerCase()}${text.slice(name.length)}`;
  if (inLowerCase !== text && parseIfValid(inLowerCase)) {
    throw invalid(
      text,
      'a repository name must not have uppercase letters',
      `Write ${inLowerCase}, if the repository has that name.`,
    );
  }
  const wrong = path.split('/').find((component) => !pathComponent.test(component));
  if (wrong !== undefined) {
    throw invalid(
      text,
      `"${wrong}" is not part of a repository name`,
      'Write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST, for example ghcr.io/team/app:1.2.',
    );
  }
  if (path.length > maxNameLength) {
    throw invalid(
      text,
      `the name is longer than ${maxNameLength} characters`,
      'Write HOST/PATH:TAG with a shorter path.',
    );
  }
}

function invalid(text: string, why: string, hint: string): BootstrapError {
  return new BootstrapError({
    code: 'reference-invalid',
    what: `could not read the image reference "${text}"`,
    why,
    hint,
  });
}
