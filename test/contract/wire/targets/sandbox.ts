import { ProxyAgent } from 'undici';
import { startWorld, type World } from '../../../../src/sandbox/world.ts';
import type { Identity } from '../request.ts';
import type { StandingImage, Target } from '../target.ts';
import { logIn } from './ecr-login.ts';

const host = 'registry.example';
const login = { username: 'puller', password: 'contract' };
const standing = { repository: 'library/nginx', tag: '1.27' };

/** The sandbox under its real host names, through its proxy. */
export async function startSandboxTarget(): Promise<Target> {
  const world = await startWorld({ sources: [{ host, auth: 'basic', login }] });
  const { account, region, admin, registryHost } = world;
  const dispatcher = new ProxyAgent({ uri: world.proxyUrl, requestTls: { ca: world.caPem } });
  const at = (name: string) => ({ url: `https://${name}`, owner: { key: admin } });
  const basic = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return logIn(`https://${registryHost}`, {
    account,
    region,
    dispatcher,
    lag: 0,
    image: seed(world),
    endpoints: {
      sts: at(`sts.${region}.amazonaws.com`),
      iam: at('iam.amazonaws.com'),
      ecr: at(`api.ecr.${region}.amazonaws.com`),
      secretsmanager: at(`secretsmanager.${region}.amazonaws.com`),
      registry: { url: `https://${host}`, owner: { authorization: `Basic ${basic}` } },
      kubernetes: {
        url: world.clusterUrl,
        owner: bearer(world, 'kubernetes-admin'),
        stranger: bearer(world, 'nobody'),
      },
    },
    close: async () => {
      await dispatcher.close();
      await world.close();
    },
  });
}

function seed({ sources }: World): StandingImage {
  const source = sources.get(host)!;
  const { digest } = source.seed(standing.repository, standing.tag);
  const manifest = source.repositories.get(standing.repository)!.manifest(digest)!;
  const { layers } = JSON.parse(manifest.bytes.toString()) as { layers: [StandingImage['layer']] };
  return { ...standing, digest, mediaType: manifest.mediaType, layer: layers[0] };
}

function bearer({ cluster }: World, user: string): Identity {
  const { users } = JSON.parse(cluster.kubeconfig('', undefined, user)) as {
    users: [{ user: { token: string } }];
  };
  return { authorization: `Bearer ${users[0].user.token}` };
}
