import { Readable } from 'node:stream';
import { asJsonRefusal } from './aws/protocol.ts';
import type { Gate, Service } from './aws/service.ts';
import { WRONG_SIGNATURE, signatureMismatch } from './aws/sigv4.ts';
import type { Handler } from './http.ts';
import { AwsRefusal, type AwsForCluster, type ImageSource, type SigningKey } from './ports.ts';
import type { EcrRegistry } from './registry/ecr-registry.ts';
import type { SourceRegistry } from './registry/source.ts';
import { fieldsOf, type Repository } from './registry/storage.ts';

/** AWS for the operator in the sandbox cluster: the same processing as for HTTP requests, but in process. */
export function awsForCluster(
  gate: Gate,
  services: { readonly ecr: Service; readonly secretsmanager: Service },
): AwsForCluster {
  const ask = async (
    service: Service,
    operation: string,
    input: object,
    caller: SigningKey,
  ): Promise<object> => {
    const verify = (secret: string) => {
      if (secret !== caller.secretAccessKey) throw signatureMismatch(WRONG_SIGNATURE);
    };
    try {
      const { accessKeyId, sessionToken } = caller;
      const output = await gate.pass(service, operation, input, { accessKeyId, sessionToken, verify });
      if (typeof output === 'object') return output;
    } catch (cause) {
      throw cause instanceof AwsRefusal ? asJsonRefusal(cause) : cause;
    }
    throw new AwsRefusal('RequestError', 'send request failed');
  };
  return {
    async getSecretValue(caller, _region, SecretId) {
      const output = await ask(services.secretsmanager, 'GetSecretValue', { SecretId }, caller);
      return (output as { SecretString: string }).SecretString;
    },
    async getAuthorizationToken(caller) {
      const output = await ask(services.ecr, 'GetAuthorizationToken', {}, caller);
      const { authorizationData } = output as { authorizationData: [TokenData] };
      const [{ authorizationToken, expiresAt, proxyEndpoint }] = authorizationData;
      return { authorizationToken, expiresAt: expiresAt.getTime(), proxyEndpoint };
    },
  };
}

interface TokenData {
  readonly authorizationToken: string;
  readonly expiresAt: Date;
  readonly proxyEndpoint: string;
}

/** Pulls like the container runtime of a node, with each credential for the host of the registry in turn. */
export function imageSource(
  { host, repositories }: EcrRegistry,
  distribution: Handler,
  sources: ReadonlyMap<string, SourceRegistry>,
): ImageSource {
  const ask = async (name: string, reference: string, authorization?: string): Promise<number> => {
    const url = new URL(`https://${host}/v2/${name}/manifests/${reference}`);
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await distribution({ method: 'GET', url, headers, body: Readable.from([]) });
    return typeof answer === 'string' ? 0 : answer.status;
  };
  const runsOn = (name: string, reference: string, platform: string): boolean => {
    const repository = repositories.get(name);
    const top = repository?.manifest(reference);
    if (!repository || !top) return false;
    const { manifests, config } = fieldsOf(top);
    if (manifests) return manifests.some(({ digest }) => runsOn(name, digest, platform));
    const content = repository.blobs.get(config?.digest ?? '');
    const { os, architecture } = JSON.parse(Buffer.isBuffer(content) ? content.toString() : '{}') as Platform;
    return platform.split('/').slice(0, 2).join('/') === `${os}/${architecture}`;
  };

  return {
    async pull(image, platform, dockerConfigs) {
      const { server, name, reference } = partsOf(image);
      if (server !== host) return 'no-route';
      for (const auth of new Set(dockerConfigs.flatMap((config) => authFor(config, host)))) {
        const status = await ask(name, reference, `Basic ${auth}`);
        if (status === 404) return 'not-found';
        if (status === 200) return runsOn(name, reference, platform) ? 'pulled' : 'no-matching-platform';
      }
      return 'unauthorized';
    },
    async pullWithHeader(image, platform, authorization) {
      const { server, name, reference } = partsOf(image);
      if (server !== host) return 'no-route';
      const status = await ask(name, reference, authorization);
      if (status !== 200) return status;
      return runsOn(name, reference, platform) ? 'pulled' : 'no-matching-platform';
    },
    describe(image) {
      const { server, name, reference } = partsOf(image);
      const repository = (server === host ? repositories : sources.get(server)?.repositories)?.get(name);
      const digest = repository?.manifest(reference)?.digest;
      return repository && digest ? { digest, sizeBytes: sizeOf(repository, digest) } : undefined;
    },
  };
}

function partsOf(image: string): { server: string; name: string; reference: string } {
  const [, server = '', name = '', tag, digest] =
    /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(image) ?? [];
  return { server, name, reference: digest ?? tag ?? 'latest' };
}

/** The size of an image; of an index, that of the first platform. */
function sizeOf(repository: Repository, digest: string): number {
  const manifest = repository.manifest(digest);
  if (manifest === undefined) return 0;
  const { manifests, config, layers } = fieldsOf(manifest);
  if (manifests?.[0]) return sizeOf(repository, manifests[0].digest);
  return [config, ...(layers ?? [])].reduce((sum, descriptor) => sum + (descriptor?.size ?? 0), 0);
}

interface Platform {
  readonly os?: string;
  readonly architecture?: string;
}

/** The credentials for a host in a Docker config. As in the kubelet, an invalid config has none. */
function authFor(dockerConfig: string, host: string): string[] {
  try {
    const { auths = {} } = JSON.parse(dockerConfig) as { auths?: Record<string, Record<string, string>> };
    const { auth, username, password } = auths[host] ?? auths[`https://${host}`] ?? {};
    if (auth !== undefined) return [auth];
    return username === undefined ? [] : [Buffer.from(`${username}:${password}`).toString('base64')];
  } catch (cause) {
    if (cause instanceof SyntaxError) return [];
    throw cause;
  }
}
