import { createHash } from 'node:crypto';
import { createNet } from '../../src/clients/net/index.ts';
import { request } from '../../src/clients/net/request.ts';
import type { World } from '../../sandbox/world.ts';
import { createAws } from '../../src/clients/aws/index.ts';
import { Secret } from '../../src/core/secret.ts';

interface Key {
  readonly id: string;
  readonly secret: string;
}

interface Manifest {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
}

type Ask = (method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT', url: string, body?: string) => Promise<Answer>;

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly text: string;
}

/**
 * Sends what the Docker engine sends for a missing blob: it checks for the blob, starts an upload, and sends
 * chunks.
 */
export function pushAsDocker(world: World, key: Key): Promise<void> {
  return withToken(world, key, async (ask) => {
    const body = `a layer of ${key.id}`;
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const { pathname } = new URL(`https://${world.registryHost}/v2/shop/external-secrets/blobs/`);
    await ask('HEAD', `${pathname}${digest}`);
    const { location } = await ask('POST', `${pathname}uploads/`);
    await ask('PATCH', new URL(location).pathname, body);
    await ask('PUT', `${new URL(location).pathname}?digest=${digest}`);
  });
}

/** Sends what a container runtime sends for an image: it gets the manifests, and each blob after a check. */
export function pullAsRuntime(world: World, key: Key): Promise<void> {
  return withToken(world, key, async (ask) => {
    const at = '/v2/shop/external-secrets';
    const top = JSON.parse((await ask('GET', `${at}/manifests/v0.12.1`)).text) as Manifest;
    const [child] = top.manifests ?? [];
    const { text } = await ask('GET', `${at}/manifests/${child?.digest ?? 'v0.12.1'}`);
    const { config } = JSON.parse(text) as Manifest;
    if (!config) throw new Error(`not the manifest of an image: ${text}`);
    for (const method of ['HEAD', 'GET'] as const) await ask(method, `${at}/blobs/${config.digest}`);
  });
}

async function withToken(world: World, { id, secret }: Key, act: (ask: Ask) => Promise<void>): Promise<void> {
  const net = createNet(world.caPem, { HTTPS_PROXY: world.proxyUrl });
  try {
    const aws = createAws({ region: world.region, net });
    const pair = { accessKeyId: id, secretAccessKey: new Secret(secret) };
    const { username, password, host } = await aws.as(pair).ecr.token();
    const authorization = `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`;
    await act(async (method, path, body) => {
      const answer = await request(net, `https://${host}${path}`, {
        ...{ method, headers: { authorization } },
        ...(body === undefined ? {} : { body }),
      });
      return {
        status: answer.status,
        location: String(answer.header('location')),
        text: await answer.text(),
      };
    });
  } finally {
    await net.close();
  }
}
