import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAws, type AwsOptions } from '../../../../src/clients/aws/index.ts';
import { profileRegion } from '../../../../src/clients/aws/profiles.ts';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';

interface Asked {
  /** The access key that signed the request. */
  readonly key: string | undefined;
  readonly parameters: URLSearchParams;
}

let folder: string;
let net: Net;
let sts: Server;
let asked: Asked[];
/** STS's response to AssumeRole. */
let assumed: { status: number; type?: string; body: string };
/** Replaces the regular response to GetCallerIdentity. */
let identified: { status: number; type?: string; body: string } | undefined;

const role = 'arn:aws:iam::123456789012:role/deployer';
const device = 'arn:aws:iam::123456789012:mfa/jane';
const credentials = (key: string) =>
  `<Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>role-secret-key</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>`;
const refusal = (code: string, message: string) => ({
  status: 403,
  body: `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  asked = [];
  identified = undefined;
  assumed = {
    status: 200,
    body: `<AssumeRoleResponse><AssumeRoleResult>${credentials('ASIAOFTHEROLE')}</AssumeRoleResult></AssumeRoleResponse>`,
  };
  sts = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const parameters = new URLSearchParams(body);
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1];
      asked.push({ key, parameters });
      const isRole = parameters.get('Action') === 'AssumeRole';
      const caller = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/${key}</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
      const {
        status,
        type = 'text/xml',
        body: answer,
      } = isRole ? assumed : (identified ?? { status: 200, body: caller });
      response.writeHead(status, { 'content-type': type });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', folder);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${(sts.address() as AddressInfo).port}`);
  net = createNet();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await net.close();
  sts.closeAllConnections();
  await new Promise((resolve) => sts.close(resolve));
  rmSync(folder, { recursive: true });
});

/** Writes `~/.aws/config` and `~/.aws/credentials`. */
function configure(config: string, credentialsFile = ''): void {
  mkdirSync(join(folder, '.aws'), { recursive: true });
  writeFileSync(join(folder, '.aws', 'config'), config);
  writeFileSync(join(folder, '.aws', 'credentials'), credentialsFile);
}
const key = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret-of-the-key\n`;
const caller = async (options: Partial<AwsOptions> = {}) =>
  (await createAws({ region: 'eu-west-1', net, ...options }).identity()).arn.split('/')[1];
const failure = async (options: Partial<AwsOptions> = {}) =>
  caller(options).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the region of a profile', () => {
  it.each([
    ['a name in quotes', '[profile "my-team"]\nregion = eu-west-1\n', '', 'my-team'],
    ['the credentials file', '', `[default]\n${key('AKIA1')}region = eu-west-1\n`, 'default'],
    ['a comment after it', '[default]\nregion = eu-west-1 # Dublin\n', '', 'default'],
    [
      'another section after it',
      '[default]\nregion=eu-west-1\n[sso-session s]\nregion=eu-west-2\n',
      '',
      'default',
    ],
    ['other indented settings', '[default]\ns3 =\n  region = eu-west-2\nregion = eu-west-1\n', '', 'default'],
    ['Windows line ends', '[profile a]\r\nregion = eu-west-1\r\n', '', 'a'],
    [
      'both files, of which the credentials count',
      '[default]\nregion=eu-west-2\n',
      '[default]\nregion=eu-west-1\n',
      'default',
    ],
  ])('is read with %s', async (_, config, credentialsFile, name) => {
    configure(config, credentialsFile);
    expect(await profileRegion(name, { HOME: folder })).toBe('eu-west-1');
  });

  it('is absent without files, and is not that of another profile', async () => {
    expect(await profileRegion('default', { HOME: folder })).toBeUndefined();
    configure('[profile a]\nregion = eu-west-1\n[a]\nregion = eu-west-2\n');
    expect(await profileRegion('b', { HOME: folder })).toBeUndefined();
    expect(await profileRegion('a', { HOME: folder })).toBe('eu-west-1');
  });
});

describe('credentials', () => {
  it('come from the environment before the default profile', async () => {
    configure('', `[default]\n${key('AKIADEFAULT')}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    expect(await caller()).toBe('AKIAENVIRONMENT');
  });

  it('come from the default profile when AWS_PROFILE is empty', async () => {
    configure('', `[default]\n${key('AKIADEFAULT')}`);
    vi.stubEnv('AWS_PROFILE', '');
    expect(await caller()).toBe('AKIADEFAULT');
  });

  it.each([
    ['AWS_ACCESS_KEY_ID', 'access key ID'],
    ['AWS_SECRET_ACCESS_KEY', 'secret access key'],
    ['AWS_SESSION_TOKEN', 'session token'],
  ])('are rejected when %s contains a Windows line end', async (variable, part) => {
    const env = {
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'secret-word',
      AWS_SESSION_TOKEN: 'token-word',
    };
    for (const [name, value] of Object.entries(env))
      vi.stubEnv(name, name === variable ? `${value}\r` : value);
    expect(await failure()).toMatchObject({
      code: 'credentials-missing',
      why: `the ${part} contains a space or a line break`,
    });
    expect(asked).toEqual([]);
  });

  it('come from a named profile before the environment', async () => {
    configure('', `[default]\n${key('AKIADEFAULT')}[work]\n${key('AKIAWORK')}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    expect(await caller({ profile: 'work' })).toBe('AKIAWORK');
  });

  it('come from a process, which runs once', async () => {
    const answer = JSON.stringify({ Version: 1, AccessKeyId: 'AKIAPROCESS', SecretAccessKey: 'of-process' });
    writeFileSync(join(folder, 'answer'), answer);
    configure(`[profile p]\ncredential_process = sh -c 'echo x >> ${folder}/runs; cat ${folder}/answer'\n`);
    const aws = createAws({ region: 'eu-west-1', profile: 'p', net });
    await Promise.all([aws.identity(), aws.identity()]);
    expect(asked.at(-1)?.key).toBe('AKIAPROCESS');
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('x\n');
  });

  it('of a role are requested with those of its source profile', async () => {
    configure(`[profile r]\nrole_arn = ${role}\nsource_profile = base\n`, `[base]\n${key('AKIABASE')}`);
    expect(await caller({ profile: 'r' })).toBe('ASIAOFTHEROLE');
    expect(asked[0]).toMatchObject({ key: 'AKIABASE' });
    expect(asked[0]?.parameters.get('RoleArn')).toBe(role);
  });
});

describe('the error for missing AWS credentials explains:', () => {
  const cases: readonly [string, string, string, string | undefined, string, string][] = [
    [
      'the error output of a process',
      "[profile p]\ncredential_process = sh -c 'echo vault is sealed >&2; exit 3'\n",
      '',
      'p',
      'credential_process of profile p failed: vault is sealed',
      'aws sts get-caller-identity --profile p',
    ],
    [
      'a process without words',
      '[profile p]\ncredential_process = false\n',
      '',
      'p',
      'credential_process of profile p failed: it ended without a message',
      'profile p',
    ],
    [
      'a process that prints no JSON',
      '[profile p]\ncredential_process = echo secret-word\n',
      '',
      'p',
      'credential_process of profile p failed: it returned invalid JSON.',
      'profile p',
    ],
    [
      'expired credentials of a process',
      `[profile p]\ncredential_process = echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"2020-01-01T00:00:00Z"}'\n`,
      '',
      'p',
      'it returned expired credentials',
      'renew what it returns',
    ],
    [
      'a process behind a role',
      `[profile r]\nrole_arn=${role}\nsource_profile=p\n[profile p]\ncredential_process = sh -c 'echo locked >&2; exit 1'\n`,
      '',
      'r',
      'credential_process of profile p failed: locked',
      '--profile r',
    ],
    [
      'a profile that does not exist',
      '[profile a]\nregion=x\n',
      `[b]\n${key('AKIA')}`,
      'prod',
      'there is no profile prod in',
      'aws configure list-profiles',
    ],
    [
      'the source of a role that does not exist',
      `[profile r]\nrole_arn=${role}\nsource_profile=gone\n`,
      '',
      'r',
      'profile r gets its credentials from profile gone, and there is no profile gone',
      'source_profile in profile r',
    ],
    [
      'one source of a role, where two are set',
      `[profile r]\nrole_arn=${role}\nsource_profile=default\ncredential_source=Environment\n`,
      `[default]\n${key('AKIA1')}`,
      'r',
      'profile r sets source_profile and credential_source',
      'Remove one of them from profile r',
    ],
    [
      'an incomplete access key pair',
      '',
      '[default]\naws_access_key_id = AKIA\n',
      undefined,
      'profile default sets no complete credentials, only aws_access_key_id',
      'aws configure --profile default',
    ],
    [
      'the source of a role',
      `[profile r]\nrole_arn = ${role}\nregion = eu-west-1\n`,
      '',
      'r',
      'profile r sets no complete credentials, only region, role_arn',
      'aws configure --profile r',
    ],
    [
      'an SSO session without a login',
      '[profile s]\nsso_session=c\nsso_account_id=1\nsso_role_name=n\n[sso-session c]\nsso_start_url=https://x\nsso_region=eu-west-2\n',
      '',
      's',
      'was not found or is invalid',
      'aws sso login --profile s',
    ],
    [
      'the SSO login of the source of a role',
      `[profile r]\nrole_arn=${role}\nsource_profile=s\n[profile s]\nsso_start_url=https://x\nsso_region=eu-west-2\nsso_account_id=1\nsso_role_name=n\n`,
      '',
      'r',
      'SSO session',
      'aws sso login --profile s',
    ],
    [
      'a web identity token',
      `[profile w]\nrole_arn=${role}\nweb_identity_token_file=/nowhere/token\n`,
      '',
      'w',
      'there is no web identity token in /nowhere/token',
      'web_identity_token_file of profile w',
    ],
    [
      'everything in a profile',
      '[profile e]\nregion = eu-west-1\n',
      '',
      'e',
      'profile e has none, and this machine has no role',
      'aws configure --profile e',
    ],
    [
      'everything',
      '',
      '',
      undefined,
      'the environment has no credentials, there is no profile default',
      'AWS_ACCESS_KEY_ID',
    ],
  ];
  it.each(cases)('%s', async (_, config, credentialsFile, profile, why, hint) => {
    configure(config, credentialsFile);
    const error = await failure({ profile });
    expect(error).toMatchObject({
      code: 'credentials-missing',
      what: 'could not get AWS credentials',
      why: expect.stringContaining(why) as string,
      hint: expect.stringContaining(hint) as string,
    });
    expect(JSON.stringify(error)).not.toContain('secret-word');
    expect(asked).toEqual([]);
  });

  it.each([
    ['AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY', { AWS_ACCESS_KEY_ID: 'AKIA' }],
    [
      'there is no web identity token in /nowhere',
      { AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere', AWS_ROLE_ARN: role },
    ],
    ['there is no profile prod in', { AWS_PROFILE: 'prod' }],
  ])('%s, when set by the environment', async (why, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(await failure()).toMatchObject({
      code: 'credentials-missing',
      why: expect.stringContaining(why) as string,
    });
  });

  it('a missing permission to assume a role', async () => {
    configure(`[profile r]\nrole_arn = ${role}\nsource_profile = base\n`, `[base]\n${key('AKIABASE')}`);
    assumed = refusal('AccessDenied', 'User jane is not authorized to perform: sts:AssumeRole');
    expect(await failure({ profile: 'r' })).toMatchObject({
      code: 'credentials-missing',
      why: 'AccessDenied: User jane is not authorized to perform: sts:AssumeRole',
      hint: expect.stringContaining(`let profile base assume ${role}`) as string,
    });
  });
});

describe('a role that needs MFA', () => {
  const withMfa = `[profile m]\nrole_arn = ${role}\nsource_profile = base\nmfa_serial = ${device}\n`;
  beforeEach(() => configure(withMfa, `[base]\n${key('AKIABASE')}`));

  it('is assumed with the code that the user types, after one prompt', async () => {
    const askMfaCode = vi.fn(() => Promise.resolve('123456'));
    const aws = createAws({ region: 'eu-west-1', net, profile: 'm', askMfaCode });
    await Promise.all([aws.identity(), aws.ecr.registryHost().catch(() => undefined)]);
    const roles = asked.filter(({ parameters }) => parameters.get('Action') === 'AssumeRole');
    expect(roles.map(({ parameters }) => parameters.get('TokenCode'))).toEqual(['123456']);
    expect(roles[0]?.parameters.get('SerialNumber')).toBe(device);
    expect(askMfaCode.mock.calls).toEqual([[device]]);
  });

  it.each([
    ['without a terminal', undefined, 'there is no terminal to ask on'],
    ['without an answer', () => Promise.resolve(''), 'none was given'],
  ])('%s can be assumed with the command in the hint', async (_, askMfaCode, why) => {
    expect(await failure({ profile: 'm', askMfaCode })).toMatchObject({
      code: 'credentials-missing',
      why: expect.stringContaining(why) as string,
      hint: expect.stringContaining(
        `aws sts assume-role --role-arn ${role} --role-session-name ecr-bootstrap --serial-number ${device} --token-code CODE --profile base`,
      ) as string,
    });
    expect(asked).toEqual([]);
  });

  it('suggests a rerun with the next code when AWS rejects one', async () => {
    assumed = refusal(
      'AccessDenied',
      'MultiFactorAuthentication failed with invalid MFA one time pass code. ',
    );
    const askMfaCode = vi.fn(() => Promise.resolve('000000'));
    const aws = createAws({ region: 'eu-west-1', net, profile: 'm', askMfaCode });
    for (const _ of ['identity', 'the steps that follow']) {
      await expect(aws.identity()).rejects.toMatchObject({
        code: 'credentials-missing',
        hint: expect.stringContaining('enter the next code') as string,
      });
    }
    expect(askMfaCode).toHaveBeenCalledOnce();
  });
});

describe('a response to the first request', () => {
  const page = '<!DOCTYPE html><html><body>Sign in to the network</body></html>';

  it.each([
    [
      'a web page',
      { status: 200, type: 'text/html', body: page },
      'HTTP 200 came from something that is not AWS',
    ],
    ['a page of a proxy', { status: 403, type: 'text/html', body: page }, 'HTTP 403 came from something'],
    ['nothing', { status: 200, body: '' }, 'HTTP 200 came from something that is not AWS'],
    ['a redirect', { status: 302, body: '' }, 'HTTP 302 came from something that is not AWS'],
  ])('that is %s is reported as not from AWS', async (_, answer, why) => {
    configure('', `[default]\n${key('AKIA1')}`);
    identified = answer;
    expect(await failure()).toMatchObject({
      code: 'aws-unreachable',
      why: expect.stringContaining(why) as string,
    });
  });

  it.each([
    ['SignatureDoesNotMatch', 'Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z'],
    ['InvalidSignatureException', 'Signature not yet current: 20260101T003000Z is still later than now'],
    ['RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.'],
  ])('with %s, because of a wrong clock, suggests to set the clock', async (code, message) => {
    configure('', `[default]\n${key('AKIA1')}`);
    identified = refusal(code, message);
    expect(await failure()).toMatchObject({
      code: 'aws-failed',
      hint: expect.stringContaining("Set this computer's clock") as string,
    });
  });

  it('suggests to enable a region that is disabled for the account', async () => {
    configure('', `[default]\n${key('AKIA1')}`);
    identified = refusal('RegionDisabledException', 'STS is not activated in this region.');
    expect(await failure()).toMatchObject({
      hint: expect.stringContaining('Enable the region for the account') as string,
    });
  });
});
