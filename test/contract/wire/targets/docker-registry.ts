import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { makeImage } from '../../../support/images.ts';
import { freePort, run } from '../../../support/program.ts';
import { registryConfig, startRegistry } from '../../../support/real.ts';
import type { StandingImage, Target } from '../target.ts';
import { startAuthority } from './token-authority.ts';

const platform = { os: 'linux', architecture: 'amd64' };

/** Debian's docker-registry, the reference implementation of the distribution API. */
export async function startDockerRegistry(): Promise<Target> {
  const { registry, stop, folder } = await startRegistry();
  const dispatcher = new Agent({ connect: { ca: registry.ca } });
  const { username, password } = registry.user;
  const basic = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
  const endpoint = {
    url: `https://${registry.address}`,
    owner: { authorization: `Basic ${basic}` },
  };
  const { manifest, layers, ...image } = makeImage(platform, ['a layer of the contract']);
  const standing = { repository: 'contract/image', tag: 'v1' };
  await registry.put(standing.repository, standing.tag, { manifest, layers, ...image });
  const [layer] = layers;
  const standingImage: StandingImage = {
    ...standing,
    digest: manifest.digest,
    mediaType: manifest.mediaType,
    layer: { digest: layer!.digest, size: layer!.bytes.length },
  };
  const behindTokens = await startBehindTokens(folder, basic, standing.repository, dispatcher);
  return {
    account: '123456789012',
    region: 'eu-west-1',
    dispatcher,
    lag: 0,
    image: standingImage,
    tokens: behindTokens.authority,
    capabilities: {
      // This registry always allows mounts.
      mountBlobs: async () => async () => undefined,
      expiredBearer: behindTokens.expired,
    },
    endpoints: {
      registry: endpoint,
      'ecr-registry': endpoint,
      'bearer-registry': { url: behindTokens.url, owner: 'anonymous' },
    },
    close: async () => {
      await dispatcher.close();
      await behindTokens.stop();
      await stop();
    },
  };
}

/** Another registry with the same images, which requires bearer tokens. */
async function startBehindTokens(folder: string, login: string, repository: string, dispatcher: Dispatcher) {
  const authority = await startAuthority(folder, `Basic ${login}`);
  const port = await freePort();
  const { realm, service, issuer } = authority;
  const auth = { token: { realm, service, issuer, rootcertbundle: join(folder, 'cert.pem') } };
  const configFile = join(folder, 'behind-tokens.json');
  await writeFile(configFile, JSON.stringify(registryConfig(folder, port, auth)));
  const program = run('docker-registry', ['serve', configFile], join(folder, 'behind-tokens'));
  const url = `https://127.0.0.1:${port}`;
  await program.until('answers', async () => {
    try {
      const { statusCode, body } = await request(`${url}/v2/`, { dispatcher });
      await body.dump();
      return statusCode === 401;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
      throw error;
    }
  });
  return {
    url,
    authority: { realm, service, login: `Basic ${login}` },
    expired: () => `Bearer ${authority.issue([`repository:${repository}:pull`], -60)}`,
    stop: async () => {
      await program.stop();
      await authority.stop();
    },
  };
}
