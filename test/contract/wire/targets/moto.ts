import { existsSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { KeyPair } from '../../../../sandbox/ports.ts';
import { freePort, run } from '../../../support/program.ts';
import { ensurePart, partFolder, type Part } from '../../../lab/build/part.ts';
import { cache } from '../../../lab/paths.ts';
import { run as command } from '../../../lab/process.ts';
import { iam } from '../request.ts';
import { sendTo } from '../send.ts';
import type { Target } from '../target.ts';

/** An independent implementation of AWS's documentation, in its own Python environment. */
const moto: Part = {
  name: 'moto',
  version: '5.2.5',
  async make({ out, log }) {
    await command('python3', ['-m', 'venv', out], { log });
    const packages = [`moto[server]==${this.version}`];
    await command(join(out, 'bin/python'), ['-m', 'pip', 'install', '--no-cache-dir', ...packages], { log });
  },
};

/** Installs Moto unless it is in the cache. */
export async function installMoto(): Promise<void> {
  await mkdir(cache, { recursive: true });
  await ensurePart(moto);
}

export const motoIsInstalled = (): boolean => existsSync(partFolder(moto));

/** The number of requests that create the first administrator, before Moto checks signatures and policies. */
const unchecked = 3;

export async function startMoto(): Promise<Target> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'ecr-bootstrap-moto-'));
  const python = join(partFolder(moto), 'bin/python');
  const args = ['-m', 'moto.server', '--host', '127.0.0.1', '--port', String(port)];
  const server = run(python, args, folder, { INITIAL_NO_AUTH_ACTION_COUNT: String(unchecked) });
  const url = `http://127.0.0.1:${port}`;
  const dispatcher = new Agent();
  await server.until('answers', async () => {
    try {
      const { statusCode, body } = await request(`${url}/moto-api/data.json`, { dispatcher });
      await body.dump();
      return statusCode === 200;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
      throw error;
    }
  });
  const targetOf = (key: KeyPair): Target => {
    const endpoint = { url, owner: { key } };
    return {
      account: '123456789012',
      region: 'eu-west-1',
      dispatcher,
      lag: 0,
      endpoints: { sts: endpoint, iam: endpoint, ecr: endpoint, secretsmanager: endpoint },
      close: async () => {
        await dispatcher.close();
        await server.stop();
      },
    };
  };
  return targetOf(await makeAdministrator(targetOf({ accessKeyId: 'first', secretAccessKey: 'first' })));
}

async function makeAdministrator(target: Target): Promise<KeyPair> {
  const UserName = 'contract-administrator';
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });
  await sendTo(target, iam('CreateUser', { UserName }));
  await sendTo(target, iam('PutUserPolicy', { UserName, PolicyName: 'everything', PolicyDocument }));
  const { body } = await sendTo(target, iam('CreateAccessKey', { UserName }));
  const { CreateAccessKeyResult } = body as {
    CreateAccessKeyResult: { AccessKey: { AccessKeyId: string; SecretAccessKey: string } };
  };
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = CreateAccessKeyResult.AccessKey;
  return { accessKeyId, secretAccessKey };
}
