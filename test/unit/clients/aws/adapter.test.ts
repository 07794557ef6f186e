import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BootstrapError } from '../../../../src/core/errors.ts';
import { createAws } from '../../../../src/clients/aws/index.ts';
import { createNet } from '../../../../src/clients/net/index.ts';
import { AwsWorld } from '../../../support/aws.ts';

let world: AwsWorld;
beforeEach(async () => {
  world = await AwsWorld.start();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await world.close();
});

const plan = (fault: Parameters<AwsWorld['sandbox']['faults']['plan']>[0]) =>
  world.sandbox.faults.plan(fault);
const calls = (operation: string): number =>
  world.sandbox.faults.calls.filter((call) => call.operation === operation).length;

describe('AWS', () => {
  it('returns the caller, with the partition of the ARN', async () => {
    expect(await world.aws().identity()).toEqual({
      arn: 'arn:aws:iam::123456789012:user/admin',
      accountId: '123456789012',
      partition: 'aws',
      region: 'eu-west-1',
    });
  });

  it('uses credentials from the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', world.caller.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', world.caller.secretAccessKey);
    const aws = createAws({ region: 'eu-west-1', net: world.net });
    expect((await aws.identity()).accountId).toBe('123456789012');
  });

  it("returns the registry's host as reported by ECR", async () => {
    expect(await world.aws().ecr.registryHost()).toBe(world.sandbox.registryHost);
  });

  it('requests the host once for all callers', async () => {
    const { ecr } = world.aws();
    await Promise.all([ecr.registryHost(), ecr.registryHost(), ecr.registryHost()]);
    expect(calls('GetAuthorizationToken')).toBe(1);
  });

  it('retries requests that were throttled, failed or interrupted', async () => {
    for (const kind of ['throttle', 'error', 'reset'] as const) {
      const clearFault = plan({ kind, operation: 'DescribeRepositories', to: 1 });
      expect(await world.aws().ecr.repositories()).toEqual([]);
      clearFault();
    }
    expect(calls('DescribeRepositories')).toBe(6);
  });

  it('never retries the creation of an access key, because a lost response would leave a second key', async () => {
    world.sandbox.aws.addUser('someone');
    plan({ kind: 'lost', operation: 'CreateAccessKey' });
    await expect(world.aws().iam.createAccessKey('someone')).rejects.toMatchObject({
      code: 'aws-unreachable',
    });
    expect(calls('CreateAccessKey')).toBe(1);
  });

  it('treats a deletion as done when its response was lost and the retry finds nothing', async () => {
    const { iam, ecr, secrets } = world.aws();
    await iam.createUser({ name: 'someone', path: '/', tags: {} });
    const document = { Version: '2012-10-17', Statement: { Effect: 'Deny', Action: '*', Resource: '*' } };
    await iam.createPolicy({ name: 'some', path: '/', description: '', document, tags: {} });
    const arn = 'arn:aws:iam::123456789012:policy/some';
    await iam.attachPolicy('someone', arn);
    const { accessKeyId } = await iam.createAccessKey('someone');
    await secrets.create({ name: 'some', description: '', tags: {} });
    await ecr.createRepository({ name: 'some', tagMutability: 'MUTABLE', tags: {} });
    const removals = {
      DetachUserPolicy: () => iam.detachPolicy('someone', arn),
      UpdateAccessKey: () => iam.disableAccessKey('someone', accessKeyId),
      DeleteAccessKey: () => iam.deleteAccessKey('someone', accessKeyId),
      DeleteUser: () => iam.deleteUser('someone'),
      DeletePolicy: () => iam.deletePolicy(arn),
      UntagResource: () => secrets.untag('some', ['none']),
      DeleteSecret: () => secrets.delete('some'),
      DeleteRepository: () => ecr.deleteRepository('some'),
    };
    for (const [operation, remove] of Object.entries(removals)) {
      const clearFault = plan({ kind: 'lost', operation, to: 1 });
      await expect(remove(), operation).resolves.toBeUndefined();
      clearFault();
      expect(calls(operation), operation).toBe(2);
    }
  });

  it('returns undefined for what does not exist', async () => {
    const { iam, ecr, secrets } = world.aws();
    expect(await iam.user('nobody')).toBeUndefined();
    expect(await iam.policy('arn:aws:iam::123456789012:policy/none')).toBeUndefined();
    expect(await secrets.describe('none')).toBeUndefined();
    expect(await secrets.value('none')).toBeUndefined();
    expect(await ecr.manifests('none', ['latest'])).toEqual({ found: [], unreadable: [] });
  });

  it('returns whether the account allows mounting blobs', async () => {
    expect(await world.aws().ecr.blobMounting()).toBe(false);
    world.sandbox.aws.registry.settings.set('BLOB_MOUNTING', 'ENABLED');
    expect(await world.aws().ecr.blobMounting()).toBe(true);
  });

  it('prints no log or warning of the SDK', async () => {
    const said = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'log'), vi.spyOn(process, 'emitWarning')];
    vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', '');
    vi.stubEnv('AWS_PROFILE', 'none');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    await createAws({ region: 'eu-west-1', net: world.net })
      .identity()
      .catch(() => undefined);
    for (const spy of said) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe('an endpoint of the environment', () => {
  it.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS'])(
    '%s receives the requests, with the user agent of ecr-bootstrap',
    async (variable) => {
      const seen = await userAgentsAt(variable, 403, () => world.aws().identity());
      expect(seen[0]).toMatch(/ecr-bootstrap\/\d+\.\d+\.\d+/);
    },
  );
});

describe('AWS_MAX_ATTEMPTS', () => {
  it('limits the reads that are repeated for each repository, and keeps their adaptive retries', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
    const arn = 'arn:aws:ecr:eu-west-1:123456789012:repository/shop/app';
    const seen = await userAgentsAt('AWS_ENDPOINT_URL_ECR', 503, () => world.aws().ecr.tags(arn));
    expect(seen).toHaveLength(2);
    // The features that a request uses: `F` stands for adaptive retries.
    for (const userAgent of seen) expect(userAgent).toMatch(/ m\/(\w+,)*F\b/);
  });
});

/** The user agents of requests to an endpoint that the environment sets and that answers with this status. */
async function userAgentsAt(
  variable: string,
  status: number,
  request: () => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers['user-agent'] ?? '');
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv(variable, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await request().catch(() => undefined);
  server.close();
  return seen;
}

describe('an error of AWS', () => {
  it('names the denied action and the policy that the caller needs', async () => {
    world.caller = world.sandbox.aws.addUser('nobody').key;
    await expect(world.aws().ecr.repositories()).rejects.toMatchObject({
      code: 'aws-denied',
      what: 'could not list the repositories in ECR',
      why: expect.stringContaining('ecr:DescribeRepositories') as string,
      hint: expect.stringContaining('ecr-bootstrap policy power-user') as string,
    });
    const create = world.aws().iam.createUser({ name: 'x', path: '/', tags: { a: 'b' } });
    await expect(create).rejects.toMatchObject({
      code: 'aws-denied',
      hint: expect.stringContaining('ecr-bootstrap policy first-run') as string,
    });
  });

  const denying = (Action: string) =>
    JSON.stringify({
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action, Resource: '*' },
      ],
    });
  const allowing = (Action: string) =>
    JSON.stringify({ Statement: [{ Effect: 'Allow', Action, Resource: '*' }] });

  describe.each([
    ['service control policy', 'AWS Organizations'],
    ['resource control policy', 'AWS Organizations'],
    ['session policy', 'when the session was requested'],
    ['permissions boundary', 'on the caller'],
    ['VPC endpoint policy', 'on the VPC endpoint'],
    ['resource-based policy', 'on the resource itself'],
  ])('when the %s', (kind, place) => {
    it.each([
      ['denies explicitly', denying('ecr:*'), `change the ${kind} that denies ecr:DescribeRepositories`],
      ['does not allow', allowing('s3:*'), `allow ecr:DescribeRepositories in the ${kind}`],
    ])('%s, names that policy and suggests no other policy', async (_, document, hint) => {
      world.sandbox.aws.identities.limits.set(kind, document);
      const refused = await world
        .aws()
        .ecr.repositories()
        .catch((error: unknown) => error as BootstrapError);
      expect(refused).toMatchObject({ code: 'aws-denied', hint: expect.stringContaining(hint) as string });
      expect(refused).toMatchObject({ hint: expect.stringContaining(place) as string });
      expect(refused).toMatchObject({ hint: expect.not.stringContaining('ecr-bootstrap policy') as string });
    });
  });

  it("names the caller's own policies when one of them denies explicitly", async () => {
    const { user, key } = world.sandbox.aws.addUser('limited');
    user.inline.set('limits', denying('ecr:Describe*'));
    world.sandbox.aws.identities.settle();
    world.caller = key;
    await expect(world.aws().ecr.repositories()).rejects.toMatchObject({
      hint: expect.stringContaining('change the identity-based policy that denies') as string,
    });
  });

  it('distinguishes wrong credentials from missing permissions', async () => {
    const wrong = { ...world.caller, secretAccessKey: 'x'.repeat(40) };
    await expect(world.aws(wrong).identity()).rejects.toMatchObject({ code: 'credentials-missing' });
  });

  it('reports that credentials are missing, and how to configure them', async () => {
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/none');
    vi.stubEnv('AWS_CONFIG_FILE', '/none');
    const aws = createAws({ region: 'eu-west-1', profile: 'work', net: world.net });
    await expect(aws.identity()).rejects.toMatchObject({
      code: 'credentials-missing',
      why: 'there is no profile work in /none or /none; they have: none',
      hint: expect.stringContaining('aws configure list-profiles') as string,
    });
  });

  it('reports that credentials expired during the run, after AWS had accepted them', async () => {
    const { identities } = world.sandbox.aws;
    const user = identities.users.get('admin');
    if (!user) throw new Error('no admin');
    const session = identities.addSession(user, 60_000);
    vi.stubEnv('AWS_ACCESS_KEY_ID', session.id);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', session.secret);
    vi.stubEnv('AWS_SESSION_TOKEN', session.sessionToken);
    const aws = createAws({ region: 'eu-west-1', net: world.net });
    await aws.ecr.repositories();
    world.sandbox.clock.advance(120_000);
    await expect(aws.ecr.repositories()).rejects.toMatchObject({
      code: 'credentials-expired',
      hint: expect.stringContaining('aws sso login') as string,
    });
  });

  it('reports an unknown host of an unknown region as a misspelled region', async () => {
    const aws = createAws({ region: 'eu-wst-1', net: world.net }).as(await pairOf());
    await expect(aws.identity()).rejects.toMatchObject({
      code: 'region-invalid',
      hint: expect.stringContaining('eu-west-1') as string,
    });
  });

  it('reports an unknown host of a known region as a network problem', async () => {
    const net = createNet(undefined, { https_proxy: 'http://127.0.0.1:1' });
    const aws = createAws({ region: 'eu-west-1', net }).as(await pairOf());
    await expect(aws.identity()).rejects.toMatchObject({
      code: 'aws-unreachable',
      why: expect.stringContaining('ECONNREFUSED') as string,
    });
    await net.close();
  });

  it('names the issuer of an untrusted certificate', async () => {
    const net = createNet(undefined, { https_proxy: world.sandbox.proxyUrl });
    const aws = createAws({ region: 'eu-west-1', net }).as(await pairOf());
    await expect(aws.identity()).rejects.toMatchObject({
      code: 'tls-untrusted',
      what: 'could not connect to sts.eu-west-1.amazonaws.com',
    });
    await net.close();
  });

  it('reports when there is no response', async () => {
    plan({ kind: 'timeout', operation: 'CreateAccessKey' });
    world.requestTimeoutMs = 300;
    const made = world.aws().iam.createAccessKey('admin');
    await expect(made).rejects.toMatchObject({
      code: 'aws-unreachable',
      why: expect.stringContaining('no answer') as string,
    });
  });

  it('suggests to wait when AWS throttles all attempts', async () => {
    plan({ kind: 'throttle', operation: 'DescribeRepositories' });
    await expect(world.aws().ecr.repositories()).rejects.toMatchObject({
      code: 'aws-failed',
      hint: expect.stringContaining('slow down') as string,
    });
  });
});

async function pairOf() {
  const { Secret } = await import('../../../../src/core/secret.ts');
  const { accessKeyId, secretAccessKey } = world.caller;
  return { accessKeyId, secretAccessKey: new Secret(secretAccessKey) };
}
