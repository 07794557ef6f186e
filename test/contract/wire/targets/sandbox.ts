import { ProxyAgent } from 'undici';
import { startWorld, type World } from '../../../../sandbox/world.ts';
import type { Identity } from '../request.ts';
import type { Capabilities, StandingImage, Target } from '../target.ts';
import { logIn } from './ecr-login.ts';

const host = 'registry.example';
const login = { username: 'puller', password: 'contract' };
const bearerHost = 'tokens.example';
const standing = { repository: 'library/nginx', tag: '1.27' };
const pullScope = `repository:${standing.repository}:pull`;

/** The sandbox under its real host names, through its proxy. */
export async function startSandboxTarget(): Promise<Target> {
  const world = await startWorld({
    sources: [
      { host, auth: 'basic', login },
      { host: bearerHost, auth: 'bearer', login },
    ],
  });
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
    tokens: {
      realm: `https://${bearerHost}/token`,
      service: bearerHost,
      login: `Basic ${basic}`,
    },
    capabilities: capabilitiesOf(world),
    endpoints: {
      sts: at(`sts.${region}.amazonaws.com`),
      iam: at('iam.amazonaws.com'),
      ecr: at(`api.ecr.${region}.amazonaws.com`),
      secretsmanager: at(`secretsmanager.${region}.amazonaws.com`),
      registry: { url: `https://${host}`, owner: { authorization: `Basic ${basic}` } },
      'bearer-registry': { url: `https://${bearerHost}`, owner: 'anonymous' },
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
  sources.get(bearerHost)!.seed(standing.repository, standing.tag);
  const source = sources.get(host)!;
  const { digest } = source.seed(standing.repository, standing.tag);
  const manifest = source.repositories.get(standing.repository)!.manifest(digest)!;
  const { layers } = JSON.parse(manifest.bytes.toString()) as { layers: [StandingImage['layer']] };
  return { ...standing, digest, mediaType: manifest.mediaType, layer: layers[0] };
}

/** Credentials and tokens with a lifetime of zero are expired. */
function capabilitiesOf({ aws, admin, faults, sources }: World): Capabilities {
  const { identities, registry } = aws;
  return {
    throttle: async () => {
      const undo = faults.plan({ kind: 'throttle' });
      return async () => void undo();
    },
    mountBlobs: async () => {
      registry.settings.set('BLOB_MOUNTING', 'ENABLED');
      return async () => void registry.settings.set('BLOB_MOUNTING', 'DISABLED');
    },
    issuesSessions: true,
    dockerHub: true,
    expiredSession: () => {
      const { user } = identities.workingKey(admin.accessKeyId);
      const { id, secret, sessionToken } = identities.addSession(user, 0);
      return { accessKeyId: id, secretAccessKey: secret, sessionToken };
    },
    expiredEcrToken: () => {
      const { life } = registry.tokens;
      registry.tokens.life = 0;
      const { token } = registry.tokens.issue(identities.workingKey(admin.accessKeyId));
      registry.tokens.life = life;
      return `Basic ${Buffer.from(`AWS:${token}`).toString('base64')}`;
    },
    expiredBearer: () => `Bearer ${sources.get(bearerHost)!.issue([pullScope], 0)}`,
  };
}

function bearer({ cluster }: World, user: string): Identity {
  const { users } = JSON.parse(cluster.kubeconfig('', undefined, user)) as {
    users: [{ user: { token: string } }];
  };
  return { authorization: `Bearer ${users[0].user.token}` };
}
