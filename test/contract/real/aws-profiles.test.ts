import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAws } from '../../../src/clients/aws/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createNet } from '../../../src/clients/net/index.ts';

const hasAws = spawnSync('aws', ['--version']).status === 0;

let folder: string;
let sts: Server;
/** The access key and the region of each request to STS. */
let asked: string[];

const answers: Readonly<Record<string, string>> = {
  GetCallerIdentity:
    '<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account><UserId>u</UserId></GetCallerIdentityResult>',
  AssumeRole:
    '<AssumeRoleResult><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>',
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aws-profiles-'));
  mkdirSync(join(folder, '.aws'));
  sts = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const action = new URLSearchParams(body).get('Action') ?? '';
      const [, key, region] =
        /Credential=([^/]+)\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '') ?? [];
      asked.push(`${action} ${key} ${region}`);
      response.setHeader('content-type', 'text/xml');
      response.end(
        `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${answers[action]}<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
      );
    });
  });
  await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  sts.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

type Environment = Readonly<Record<string, string>>;

const key = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
const role = 'arn:aws:iam::123456789012:role/deployer';

const environment = (env: Environment): Environment => ({
  HOME: folder,
  PATH: process.env['PATH'] ?? '',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
  ...env,
});

const configure = (config: string, credentials = ''): void => {
  asked = [];
  writeFileSync(join(folder, '.aws', 'config'), config);
  writeFileSync(join(folder, '.aws', 'credentials'), credentials);
  rmSync(join(folder, '.aws', 'cli'), { recursive: true, force: true });
};

/** The request that the AWS CLI sends to STS, or its error. */
async function awsCliRequests(env: Environment, profile?: string): Promise<readonly string[] | string> {
  asked = [];
  const args = ['sts', 'get-caller-identity', ...(profile === undefined ? [] : ['--profile', profile])];
  try {
    await promisify(execFile)('aws', args, { env: environment(env) });
    return asked;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

/** The request that ecr-bootstrap sends to STS, or its error. */
async function ecrBootstrapRequests(env: Environment, profile?: string): Promise<readonly string[] | string> {
  asked = [];
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(environment(env))) vi.stubEnv(name, value);
  const net = createNet();
  try {
    const flags = { project: 'shop', profile };
    const { config } = await loadConfig({ cwd: folder, env: process.env, flags });
    await createAws({ ...config.aws, net }).identity();
    return asked;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await net.close();
    vi.unstubAllEnvs();
  }
}

const ofRole = (base: string) => [
  `AssumeRole ${base} eu-west-1`,
  'GetCallerIdentity ASIAOFTHEROLE eu-west-1',
];

describe.skipIf(!hasAws)('the AWS CLI', () => {
  it.each<[string, readonly string[], string, string, Environment, string | undefined]>([
    [
      'a profile in quotes',
      ['GetCallerIdentity AKIAQUOTED eu-west-1'],
      `[profile "my-team"]\nregion = eu-west-1\n${key('AKIAQUOTED')}`,
      '',
      {},
      'my-team',
    ],
    [
      'a region in the credentials file',
      ['GetCallerIdentity AKIADEFAULT eu-west-1'],
      '',
      `[default]\n${key('AKIADEFAULT')}region = eu-west-1\n`,
      {},
      undefined,
    ],
    [
      'different values in both files',
      ['GetCallerIdentity AKIATWO eu-west-1'],
      `[default]\nregion = us-east-1\n${key('AKIAONE')}`,
      `[default]\nregion = eu-west-1\n${key('AKIATWO')}`,
      {},
      undefined,
    ],
    [
      'a process',
      ['GetCallerIdentity AKIAPROCESS eu-west-1'],
      `[profile p]\nregion = eu-west-1\ncredential_process = echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"s"}'\n`,
      '',
      {},
      'p',
    ],
    [
      'a role',
      ofRole('AKIABASE'),
      `[profile r]\nregion = eu-west-1\nrole_arn = ${role}\nsource_profile = base\n`,
      `[base]\n${key('AKIABASE')}`,
      {},
      'r',
    ],
    [
      'AWS_DEFAULT_PROFILE',
      ['GetCallerIdentity AKIAWORK eu-west-1'],
      '',
      `[work]\nregion = eu-west-1\n${key('AKIAWORK')}`,
      { AWS_DEFAULT_PROFILE: 'work' },
      undefined,
    ],
    [
      'a key in the environment',
      ['GetCallerIdentity AKIAENV eu-west-1'],
      '[default]\nregion = eu-west-1\n',
      `[default]\n${key('AKIADEFAULT')}`,
      { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 's' },
      undefined,
    ],
    [
      'a named profile before a key in the environment',
      ['GetCallerIdentity AKIAWORK eu-west-1'],
      '',
      `[work]\nregion = eu-west-1\n${key('AKIAWORK')}`,
      { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 's' },
      'work',
    ],
  ])(
    'uses the same key and region as ecr-bootstrap with %s',
    async (_, expected, config, credentials, env, profile) => {
      configure(config, credentials);
      expect(await ecrBootstrapRequests(env, profile)).toEqual(expected);
      expect(await awsCliRequests(env, profile)).toEqual(expected);
    },
  );

  it.each([
    [
      'the error output of a process',
      "[profile p]\nregion = eu-west-1\ncredential_process = sh -c 'echo vault is sealed >&2; exit 3'\n",
      'p',
      'vault is sealed',
    ],
    ['a profile that does not exist', '[default]\nregion = eu-west-1\n', 'prod', 'prod'],
  ])('reports %s, as ecr-bootstrap does', async (_, config, profile, words) => {
    configure(config);
    expect(await ecrBootstrapRequests({ AWS_REGION: 'eu-west-1' }, profile)).toContain(words);
    expect(await awsCliRequests({}, profile)).toContain(words);
  });
});
