import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';

import type { ImageDigests } from '../scenarios/world.ts';
import { registry } from './names.ts';
import { capture } from './process.ts';

/** A new password for the private registry. */
export async function ecrToken(): Promise<string> {
  const answer = await new ECRClient().send(new GetAuthorizationTokenCommand());
  const token = Buffer.from(answer.authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString();
  return token.slice('AWS:'.length);
}

/** Copies an image with all its platforms into the private registry. */
export async function copyImage(source: string, destination: string): Promise<void> {
  const credentials = `--dest-creds=AWS:${await ecrToken()}`;
  await capture('skopeo', ['copy', '--all', credentials, `docker://${source}`, `docker://${destination}`]);
}

interface Index {
  readonly manifests?: readonly {
    readonly digest: string;
    readonly platform: { readonly os: string; readonly architecture: string };
  }[];
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** Reads an image with skopeo. */
export async function readDigests(image: string): Promise<ImageDigests> {
  const folder = await mkdtemp(join(tmpdir(), 'look-'));
  const authFile = join(folder, 'auth.json');
  const inspect = (...args: string[]) =>
    capture('skopeo', ['inspect', `--authfile=${authFile}`, ...args, `docker://${image}`]);
  try {
    const auth = Buffer.from(`AWS:${await ecrToken()}`).toString('base64');
    await writeFile(authFile, JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 });
    const [raw, config] = await Promise.all([inspect('--raw'), inspect('--raw', '--config')]);
    const { manifests = [] } = JSON.parse(raw) as Index;
    const platforms = new Map(
      manifests.map(({ digest, platform }) => [`${platform.os}/${platform.architecture}`, digest]),
    );
    return { digest: digestOf(raw), platforms: Object.fromEntries(platforms), config: digestOf(config) };
  } finally {
    await rm(folder, { recursive: true });
  }
}
