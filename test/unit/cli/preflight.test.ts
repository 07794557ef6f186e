import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeRequests } from '../../support/change-requests.ts';
import { type Cli, openCli, type RunOptions } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli()));
afterAll(() => cli.close());
afterEach(() => cli.world.faults.calls.splice(0));

const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(cli.folder, name), content);
  return name;
};
const kubeconfig = (name: string, server: string, user?: string): string =>
  file(name, cli.world.cluster.kubeconfig(server, cli.world.caPem, user));

/** Expects the run to end before any change, with an error of three parts and without a stack trace. */
async function refusal(line: string, options?: RunOptions) {
  const { code, document } = await cli.json(line, options);
  expect(code).toBe(2);
  expect(document.ok).toBe(false);
  const { error } = document;
  for (const part of [error?.what, error?.why, error?.hint]) expect(part).toMatch(/\S/);
  expect(`${error?.what} ${error?.why} ${error?.hint}`).not.toMatch(/\n|undefined|\[object/);
  expect(changeRequests(cli.world)).toEqual([]);
  return error;
}

describe('the preflight check of AWS', () => {
  it('reports missing credentials', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    expect(await refusal('up', { env })).toMatchObject({
      code: 'credentials-missing',
      hint: expect.stringContaining('--profile') as string,
    });
  });

  it('reports missing credentials when there is no kubeconfig from which to learn the registry', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, KUBECONFIG: undefined };
    expect(await refusal('images', { env })).toMatchObject({
      code: 'credentials-missing',
      hint: expect.stringContaining('--profile') as string,
    });
  });

  it('reports missing credentials and a missing kubeconfig together, AWS first', async () => {
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, KUBECONFIG: undefined };
    const { code, stderr } = await cli.run('up', { env });
    expect(code).toBe(2);
    expect(stderr.match(/^error: .+/gm)).toEqual([
      expect.stringContaining('AWS credentials'),
      expect.stringContaining('kubeconfig'),
    ]);
    expect(await refusal('up', { env })).toMatchObject({
      code: 'credentials-missing',
      others: [{ code: 'cluster-unconfigured' }],
    });
  });

  it.each([
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }],
    ['a key that does not exist', { AWS_ACCESS_KEY_ID: 'AKIAXXXXXXXXXXXXXXXX' }],
  ])('reports %s', async (_case, env) => {
    expect(await refusal('up', { env })).toMatchObject({ code: 'credentials-missing' });
  });

  it.each(['up', 'mirror nginx:1.27', 'images', 'images --from-cluster', 'render operator', 'render'])(
    'refuses %s in an account other than aws.accountId',
    async (line) => {
      expect(await refusal(`${line} --account-id 999999999999`)).toMatchObject({
        code: 'account-mismatch',
        why: expect.stringContaining(cli.world.account) as string,
      });
      const asked = cli.world.faults.calls.map(({ operation }) => operation);
      expect(asked.join(' ')).not.toMatch(/Image|Manifest|Repositories/);
    },
  );

  it('refuses a registry of another account that the cluster has stored, when AWS credentials are missing', async () => {
    const { cluster, registryHost } = cli.world;
    const annotations = { 'ecr-bootstrap.dev/registry-host': registryHost };
    cluster.put({ kind: 'Namespace', metadata: { name: 'external-secrets', annotations } });
    const env = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    expect((await cli.json('render operator', { env })).code).toBe(0);
    expect(await refusal('render operator --account-id 999999999999', { env })).toMatchObject({
      code: 'account-mismatch',
      why: expect.stringContaining(registryHost) as string,
    });
    cluster.delete('Namespace', 'external-secrets');
  });

  it('suggests the closest region for one that does not exist', async () => {
    expect(await refusal('up --region eu-wst-1')).toMatchObject({
      hint: expect.stringContaining('Did you mean eu-west-1?') as string,
    });
  });

  it('names the flag that has an invalid region', async () => {
    expect(await refusal('up --region nowhere')).toMatchObject({
      what: 'could not read the configuration',
      why: '--region "nowhere" is not a region, for example eu-west-1',
    });
  });
});

describe('the preflight check of a profile whose role needs MFA', () => {
  const device = 'arn:aws:iam::123456789012:mfa/jane';
  const env = () => {
    const role = `role_arn = arn:aws:iam::123456789012:role/deployer\nmfa_serial = ${device}\n`;
    const key = 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = of-the-base\n';
    file('aws-config', `[profile deployer]\n${role}source_profile = base\n[profile base]\n${key}`);
    return { AWS_CONFIG_FILE: join(cli.folder, 'aws-config'), AWS_PROFILE: 'deployer' };
  };

  it('shows the command that gets a session when there is no terminal', async () => {
    expect(await refusal('up', { env: env() })).toMatchObject({
      code: 'credentials-missing',
      why: `profile deployer needs a code of the MFA device ${device}, and there is no terminal to ask on`,
      hint: expect.stringContaining(`--serial-number ${device} --token-code CODE --profile base`) as string,
    });
  });

  it.each([
    ['123456', 'Check the credentials of profile base'],
    ['', 'none was given'],
  ])('asks for the code on a terminal and rejects the answer "%s"', async (answer, why) => {
    const { code, stderr } = await cli.run('up', { env: env(), terminal: { answer } });
    expect(code).toBe(2);
    expect(stderr).toContain(`Code of the MFA device ${device}: `);
    expect(stderr).toContain(why);
  });
});

describe('the preflight check of the cluster', () => {
  it.each([
    ['no kubeconfig', 'up', { KUBECONFIG: undefined }, 'cluster-unconfigured'],
    ['a kubeconfig that does not exist', 'up --kubeconfig none', {}, 'cluster-unconfigured'],
    ['a context that does not exist', 'up --context prod', {}, 'cluster-unconfigured'],
  ])('reports %s', async (_case, line, env, code) => {
    expect(await refusal(line, { env })).toMatchObject({ code });
  });

  it('reports a kubeconfig that is not YAML', async () => {
    expect(await refusal(`up --kubeconfig ${file('broken', 'a: [')}`)).toMatchObject({
      code: 'cluster-unconfigured',
    });
  });

  it('reports an unreachable API server', async () => {
    const name = kubeconfig('elsewhere', 'https://elsewhere.sandbox:6443');
    expect(await refusal(`up --kubeconfig ${name}`)).toMatchObject({ code: 'cluster-unreachable' });
  });

  it.each(['up', 'rotate', 'down'])(
    'reports missing permissions for %s, with the command that prints them',
    async (command) => {
      const name = kubeconfig('reader', cli.world.clusterUrl, 'reader');
      expect(await refusal(`${command} --kubeconfig ${name}`)).toMatchObject({
        code: 'cluster-denied',
        hint: expect.stringContaining('ecr-bootstrap policy cluster') as string,
      });
    },
  );

  it('reports a kubeconfig whose credentials have expired', async () => {
    const name = kubeconfig('former', cli.world.clusterUrl, 'former');
    cli.world.cluster.revokeTokens('former');
    expect(await refusal(`up --kubeconfig ${name}`)).toMatchObject({
      code: 'cluster-unreachable',
      why: expect.stringContaining('401') as string,
    });
  });
});

describe('the preflight check of files and names', () => {
  it.each([
    ['unknown keys', 'projct: shop\n', 'config-invalid', 'Did you mean project?'],
    ['invalid YAML', 'project: [shop\n', 'config-unreadable', 'init --force'],
    ['binary data', Buffer.from([0, 1, 2, 255]), 'config-unreadable', 'init --force'],
  ])('refuses a configuration file with %s', async (_case, content, code, hint) => {
    expect(await refusal(`up -c ${file('bad.yaml', content)}`)).toMatchObject({
      code,
      hint: expect.stringContaining(hint) as string,
    });
  });

  it.each([
    ['a configuration file that does not exist', 'up -c none.yaml', 'file-missing'],
    ['a folder as the configuration file', 'up -c /', 'config-unreadable'],
    ['a project that ECR refuses', 'up --project Shop', 'config-invalid'],
    ['a list of images that does not exist', 'mirror -f none.txt', 'file-missing'],
    ['an invalid platform', 'mirror nginx:1.27 --platform windows', 'config-invalid'],
    ['a manifest of the operator that does not exist', 'up --manifest none.yaml', 'file-missing'],
    ['an unreachable Docker engine that up needs', 'up --engine docker', 'docker-unreachable'],
    [
      'an unreachable Docker engine that mirror needs',
      'mirror nginx:1.27 --engine docker',
      'docker-unreachable',
    ],
  ])('reports %s', async (_case, line, code) => {
    const env = { DOCKER_HOST: `unix://${join(cli.folder, 'no-docker.sock')}` };
    expect(await refusal(line, { env })).toMatchObject({ code });
  });

  it('refuses a manifest that does not contain the operator', async () => {
    const name = file('other.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n');
    expect(await refusal(`up --manifest ${name}`)).toMatchObject({
      code: 'manifest-unusable',
      what: expect.stringContaining('other.yaml') as string,
    });
  });

  it('refuses a list of images that is not text', async () => {
    expect(await refusal(`mirror -f ${file('list.bin', Buffer.from([0x7f, 0x45, 200, 201]))}`)).toMatchObject(
      {
        why: 'it is not text in UTF-8 or UTF-16',
      },
    );
  });
});

it('refuses rotate when the operator is not installed, before it shows a plan', async () => {
  const { code, stdout, stderr } = await cli.run('rotate --dry-run');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('error: External Secrets Operator is not running in this cluster');
});
