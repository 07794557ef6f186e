import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { makeImage } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';

let cli: Cli;
let source: OciServer;
/** A service on this computer that the cluster's tenants must not reach. */
let service: Server;
let connections: number;
beforeEach(async () => {
  source = await OciServer.start();
  for (const name of ['app', 'other'])
    source.put(name, '1', [makeImage({ os: 'linux', architecture: 'amd64' }, [name])]);
  connections = 0;
  service = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
});
afterEach(async () => {
  await cli.close();
  await source.close();
  service.close();
});

const open = async (config?: string) => {
  cli = await openCli({}, { fast: true, ...(config !== undefined && { config }) });
  cli.world.sources.get('quay.io')?.seed('good', '1');
};
const run = (image: string) => {
  const metadata = { name: 'tenant', namespace: 'default' };
  const containers = [image, 'quay.io/good:1'].map((text, index) => ({ name: `c${index}`, image: text }));
  cli.world.cluster.put({ kind: 'Pod', metadata, spec: { containers } });
};
const flags = '--platform all';

interface Row {
  readonly source: string;
  readonly state: string;
  readonly error?: { readonly code: string; readonly why: string; readonly hint: string };
}
const mirror = async (line: string) => {
  const { document } = await cli.json(line);
  const { images } = document['mirror'] as { images: readonly Row[] };
  return (source: string) => images.find((row) => row.source === source);
};

describe('an image of a local registry that only a pod references', () => {
  const port = () => (service.address() as AddressInfo).port;
  it.each(['127.0.0.1', '127.1', '0x7f.1', '2130706433', 'localhost'])(
    'is refused at %s without any connection',
    async (host) => {
      await open();
      const image = `${host}:${port()}/app:1`;
      run(image);
      const rowOf = await mirror(`mirror --from-cluster ${flags}`);
      expect(connections).toBe(0);
      const hint = expect.stringContaining('images.exclude') as string;
      expect(rowOf(image)).toMatchObject({ state: 'failed', error: { code: 'address-not-allowed', hint } });
      expect(rowOf('quay.io/good:1')?.state).toBe('copied');
    },
  );
});

describe('an image of a local registry that a pod references', () => {
  const pulled = () => `${source.host}/app:1`;

  it('is copied when the configuration lists another image of that registry', async () => {
    await open(`images: { list: ["${source.host}/other:1"] }\n`);
    run(pulled());
    const rowOf = await mirror(`mirror --from-cluster ${flags}`);
    expect(rowOf(pulled())?.state).toBe('copied');
  });

  it('is copied when the configuration maps a repository of that registry', async () => {
    await open(`images: { map: { "${source.host}/other": other } }\n`);
    run(pulled());
    const rowOf = await mirror(`mirror --from-cluster ${flags}`);
    expect(rowOf(pulled())?.state).toBe('copied');
  });

  it('is copied when the command line gives another image of that registry', async () => {
    await open();
    run(pulled());
    const rowOf = await mirror(`mirror --from-cluster ${source.host}/other:1 ${flags}`);
    expect(rowOf(pulled())?.state).toBe('copied');
    expect(rowOf(`${source.host}/other:1`)?.state).toBe('copied');
  });

  it('is copied when --insecure-registry names the registry', async () => {
    await open();
    run(pulled());
    const rowOf = await mirror(`mirror --from-cluster ${flags} --insecure-registry ${source.host}`);
    expect(rowOf(pulled())?.state).toBe('copied');
  });

  it('is refused when only another port of that host is listed', async () => {
    await open('images: { list: ["127.0.0.1:1/other:1"] }\n');
    run(pulled());
    const rowOf = await mirror(`mirror --from-cluster ${flags}`);
    expect(rowOf(pulled())).toMatchObject({ state: 'failed', error: { code: 'address-not-allowed' } });
    expect(source.requests).toEqual([]);
  });

  it('counts as one failed image of up, which copies the others and exits with 1', async () => {
    await open();
    run(pulled());
    const { code, document } = await cli.json('up --only repositories,images --yes');
    expect(code).toBe(1);
    expect(JSON.stringify(document)).toContain('address-not-allowed');
    expect(source.requests).toEqual([]);
    const held = cli.world.aws.registry.repositories.get('shop/quay.io/good');
    expect(held?.tags.has('1')).toBe(true);
  });
});
