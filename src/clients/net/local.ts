import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Where a connection may lead: anywhere, or only to hosts that are neither this computer nor on its local link. */
export type AllowedHosts = 'anywhere' | 'remote';

/** A connection was refused because it would have reached this computer or its local link. */
export class LocalAddressError extends Error {
  readonly code = 'ERR_LOCAL_ADDRESS';

  /** @param address what the host resolves to, if it is a name */
  constructor(host: string, address = host) {
    super(
      host === address ? `${host} is a local address` : `${host} resolves to ${address}, a local address`,
    );
  }
}

const ipv4 = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  // Metadata services of clouds that are not link-local: Alibaba, Oracle, Azure.
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
] as const)
  ipv4.addSubnet(network, bits, 'ipv4');

const ipv6 = new BlockList();
for (const [network, bits] of [
  ['::', 127],
  ['fe80::', 10],
  // Metadata services of AWS, Google, Oracle and Scaleway.
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
  ['fd00:c1::a9fe:a9fe', 128],
  ['fd00:42::42', 128],
] as const)
  ipv6.addSubnet(network, bits, 'ipv6');

const names = new Set(['localhost', 'localhost.localdomain', 'metadata.google.internal', 'metadata.goog']);

/**
 * Whether a host is local, judged by its text, without resolving it.
 * @param host as in `URL.hostname`, so that every address has its canonical form
 */
export function isLocalHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$|\.+$/g, '');
  return isIP(name) > 0 ? isLocalAddress(name) : names.has(name) || name.endsWith('.localhost');
}

/** Whether an address is loopback, link-local, unspecified, or a cloud's metadata service, also embedded in IPv6. */
function isLocalAddress(address: string): boolean {
  const [bare = ''] = address.split('%', 1);
  if (isIP(bare) === 4) return ipv4.check(bare, 'ipv4');
  if (isIP(bare) !== 6) return false;
  return ipv6.check(bare, 'ipv6') || embedded(bare).some((inner) => ipv4.check(inner, 'ipv4'));
}

/** The IPv4 addresses that a packet to this IPv6 address may reach. */
function embedded(address: string): string[] {
  const groups = expand(address);
  const bytes = groups.flatMap((group) => [group >> 8, group & 0xff]);
  const at = (...indexes: readonly number[]) => indexes.map((index) => bytes[index] ?? 0).join('.');
  const last = at(12, 13, 14, 15);
  const startsWith = (...start: readonly number[]) => start.every((group, index) => groups[index] === group);
  // IPv4-compatible, -mapped and -translated addresses (RFC 4291, RFC 2765).
  if (startsWith(0, 0, 0, 0)) return [last];
  // NAT64 (RFC 6052), and its local prefix (RFC 8215) with an address at any of the positions that RFC 6052 defines.
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return [last];
  if (startsWith(0x64, 0xff9b, 1)) return [last, at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12)];
  // 6to4 (RFC 3056) and Teredo, which inverts the client's address (RFC 4380).
  if (startsWith(0x2002)) return [at(2, 3, 4, 5)];
  if (startsWith(0x2001, 0))
    return [at(4, 5, 6, 7), [12, 13, 14, 15].map((index) => 255 - (bytes[index] ?? 0)).join('.')];
  // ISATAP (RFC 5214) under any prefix.
  return groups[5] === 0x5efe ? [last] : [];
}

function expand(address: string): number[] {
  // A URL's host is in the canonical form: hexadecimal groups, at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  if (tail === undefined) return groupsOf(head);
  const [start, end] = [groupsOf(head), groupsOf(tail)];
  return [...start, ...new Array<number>(8 - start.length - end.length).fill(0), ...end];
}

/**
 * Resolves and checks names for connections. Each connection uses the checked addresses, so DNS cannot change in
 * between.
 */
export const remoteLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, []);
    const remote = found.filter(({ address }) => !isLocalAddress(address));
    const [first] = remote;
    if (!first) return callback(new LocalAddressError(hostname, found[0]?.address), []);
    if (options.all) callback(null, remote);
    else callback(null, first.address, first.family);
  });
};

/** The error for a host with at least one local address. {@link remoteLookup} would only skip that address. */
export async function findLocalAddress(host: string): Promise<LocalAddressError | undefined> {
  if (isLocalHost(host)) return new LocalAddressError(host);
  const found = await dns.promises.lookup(host, { all: true }).catch(() => []);
  const local = found.find(({ address }) => isLocalAddress(address));
  return local && new LocalAddressError(host, local.address);
}
