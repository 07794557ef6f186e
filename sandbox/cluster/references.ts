/** An image reference in the form of containerd: with its registry, and a tag or digest. */
export interface Reference {
  /** `docker.io/library/nginx:1.27`, or with `@` and a digest. */
  readonly name: string;
  readonly host: string;
  /** Without the host: `library/nginx`. */
  readonly path: string;
  /** With the host: `docker.io/library/nginx`. */
  readonly repository: string;
  /** Undefined when the reference has a digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Completes a reference as the kubelet does: Docker Hub, `library/` and the tag `latest` are the defaults. */
export function parseReference(image: string): Reference {
  const [whole = '', digest] = image.split('@');
  const [, untagged = whole, tagged] = /^(.*?)(?::([^/:]+))?$/.exec(whole) ?? [];
  const [first = '', ...rest] = untagged.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const host = hasHost ? first : 'docker.io';
  const given = hasHost ? rest.join('/') : untagged;
  const path = host === 'docker.io' && !given.includes('/') ? `library/${given}` : given;
  const repository = `${host}/${path}`;
  const tag = digest === undefined ? (tagged ?? 'latest') : undefined;
  const name = digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
  return { name, host, path, repository, tag, digest };
}
