import { Agent } from 'undici';
import { makeImage } from '../../../support/images.ts';
import { startRegistry } from '../../../support/real.ts';
import type { StandingImage, Target } from '../target.ts';

const platform = { os: 'linux', architecture: 'amd64' };

/** Debian's docker-registry, the reference implementation of the distribution API. */
export async function startDockerRegistry(): Promise<Target> {
  const { registry, stop } = await startRegistry();
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
  return {
    account: '123456789012',
    region: 'eu-west-1',
    dispatcher,
    lag: 0,
    image: standingImage,
    endpoints: { registry: endpoint, 'ecr-registry': endpoint },
    close: async () => {
      await dispatcher.close();
      await stop();
    },
  };
}
