/** A host that containerd tries for the images of an upstream host. */
export interface MirrorHost {
  /** Without a path. */
  readonly host: string;
  /** The path before the image, for example `/v2/demo/docker.io`. */
  readonly path: string;
  /** The header that the file sets. */
  readonly authorization: string | undefined;
}

interface Table {
  url?: string;
  overridePath?: boolean;
  headers: Record<string, string>;
}

/**
 * The hosts of a `hosts.toml`: each `[host]` table in order, then the server.
 * @returns undefined for a file that names no server, or that containerd cannot parse: it then ignores the file
 */
export function hostsOf(text: string): readonly MirrorHost[] | undefined {
  const server: Table = { headers: {} };
  const tables: Table[] = [];
  let table = server;
  let inHeaders = false;
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, section] = /^\[([^\]]+)\]$/.exec(line) ?? [];
    if (section !== undefined) {
      const [, url] = /^host\.(?:"([^"]+)"|'([^']+)')(?:\.header)?$/.exec(section) ?? [];
      inHeaders = section === 'header' || section.endsWith('.header');
      if (section === 'header') table = server;
      else if (url !== undefined) table = tables.find((one) => one.url === url) ?? added(tables, url);
      else return undefined;
      continue;
    }
    const [, key = '', value = ''] = /^([A-Za-z0-9_-]+)\s*=\s*(.+)$/.exec(line) ?? [];
    const parsed = valueOf(value);
    if (parsed === undefined) return undefined;
    if (inHeaders) table.headers[key.toLowerCase()] = firstOf(parsed);
    else if (key === 'server') server.url = firstOf(parsed);
    else if (key === 'override_path') table.overridePath = parsed === true;
  }
  const all = [...tables, ...(server.url === undefined ? [] : [server])];
  return all.length === 0 ? undefined : all.map(mirrorHost);
}

function added(tables: Table[], url: string): Table {
  const table = { url, headers: {} };
  tables.push(table);
  return table;
}

function mirrorHost({ url = '', overridePath, headers }: Table): MirrorHost {
  const { host, pathname } = new URL(url.includes('://') ? url : `https://${url}`);
  const path = pathname.replace(/\/$/, '');
  return {
    host,
    path: overridePath || path.startsWith('/v2') ? path : `/v2${path}`,
    authorization: headers['authorization'],
  };
}

/** Strings, booleans and lists of strings are JSON in TOML too. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^'(.*)'$/, '"$1"'));
  } catch {
    return undefined;
  }
}

/** The first value of a header that has several. */
function firstOf(value: unknown): string {
  const [first] = Array.isArray(value) ? (value as unknown[]) : [value];
  return typeof first === 'string' ? first : '';
}
