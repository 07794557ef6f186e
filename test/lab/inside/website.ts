import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { manifestFile, operatorManifest } from '../build/parts.ts';
import { addresses } from '../names.ts';
import type { KeyPairFiles } from './certificates.ts';

const release = '/external-secrets/external-secrets/releases/download/v0.12.1/external-secrets.yaml';
const asset = 'release-assets.githubusercontent.com';

/**
 * The website that publishes the operator's install YAML. Like the real host, it redirects clients to another host
 * for the file.
 */
export async function serveWebsite(tls: KeyPairFiles): Promise<void> {
  const manifest = await readFile(join(partFolder(operatorManifest), manifestFile));
  const [key, cert] = await Promise.all([readFile(tls.key), readFile(tls.certificate)]);
  const server = createServer({ key, cert }, (request, response) => {
    if (request.url !== release) response.writeHead(404).end('Not Found');
    else if (request.headers.host === asset) response.end(manifest);
    else response.writeHead(302, { location: `https://${asset}${release}` }).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(443, addresses.website, resolve);
  });
}
