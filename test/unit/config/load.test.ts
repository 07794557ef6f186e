import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigRequest, loadConfig } from '../../../src/config/load.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const file = (text: string, name = 'ecr-bootstrap.yaml'): string => {
  writeFileSync(join(cwd, name), text);
  return name;
};
const load = (request: Partial<ConfigRequest> = {}) =>
  loadConfig({ cwd, env: { AWS_CONFIG_FILE: join(cwd, 'none') }, flags: {}, ...request });

const minimal = { project: 'shop', region: 'eu-west-1' };

describe('loadConfig', () => {
  it('requires only a project and a region', async () => {
    const { config } = await load({ flags: minimal });
    expect(config.project).toBe('shop');
    expect(config.aws.region).toBe('eu-west-1');
    expect(config.pullSecret).toEqual({ name: 'puller', renewEvery: '1h', copyEvery: '10m' });
  });

  it.each([
    [
      'a flag over an ECR_BOOTSTRAP_* variable',
      { region: 'eu-west-1' },
      { ECR_BOOTSTRAP_REGION: 'eu-west-2' },
      '--region',
    ],
    [
      'an ECR_BOOTSTRAP_* variable over the file',
      {},
      { ECR_BOOTSTRAP_REGION: 'eu-west-1' },
      'ECR_BOOTSTRAP_REGION',
    ],
  ])('prefers %s', async (_case, flags, env, origin) => {
    file('project: shop\naws: {region: us-east-1}\n');
    const { config, origins } = await load({ flags, env });
    expect(config.aws.region).toBe('eu-west-1');
    expect(origins.get('aws.region')).toBe(origin);
  });

  it('prefers the file to variables of other programs, with a one-line warning', async () => {
    file('project: shop\naws:\n  region: eu-west-1\n');
    const { config, warnings } = await load({ env: { AWS_REGION: 'us-east-1' } });
    expect(config.aws.region).toBe('eu-west-1');
    expect(warnings).toEqual([
      'The configuration file sets aws.region to eu-west-1, which overrides AWS_REGION (us-east-1).',
    ]);
  });

  it.each([
    ['--profile', { profile: 'prod' }, {}],
    ['ECR_BOOTSTRAP_PROFILE', {}, { ECR_BOOTSTRAP_PROFILE: 'prod', AWS_PROFILE: 'other' }],
    ['AWS_PROFILE', {}, { AWS_PROFILE: 'prod' }],
  ])(
    'finds the region of the profile that %s selects in the AWS configuration file',
    async (_origin, flags, env) => {
      const config = file('[default]\nregion = us-east-1\n\n[profile prod]\nregion = eu-central-1\n', 'aws');
      const { config: loaded, origins } = await load({
        flags: { project: 'shop', ...flags },
        env: { AWS_CONFIG_FILE: join(cwd, config), ...env },
      });
      expect(loaded.aws).toMatchObject({ region: 'eu-central-1', profile: 'prod' });
      expect(origins.get('aws.region')).toBe('AWS profile prod');
    },
  );

  it("warns when the file's context is not the current one", async () => {
    const kubeconfig = file('current-context: laptop\n', 'kubeconfig');
    file('project: shop\naws: {region: eu-west-1}\ncluster: {context: prod}\n');
    const { warnings } = await load({ env: { KUBECONFIG: join(cwd, kubeconfig) } });
    expect(warnings).toContain("cluster.context is prod; the kubeconfig's current context is laptop.");
  });

  it('ignores a context in a comment, and merges the files of KUBECONFIG as kubectl does', async () => {
    const names = [
      file('# current-context: old\nclusters: []\n', 'one'),
      file('current-context: prod\n', 'two'),
    ];
    file('project: shop\naws: {region: eu-west-1}\ncluster: {context: prod}\n');
    const { warnings } = await load({
      env: { KUBECONFIG: names.map((name) => join(cwd, name)).join(delimiter) },
    });
    expect(warnings).toEqual([]);
  });

  it('names the file, line, key and closest known key for an unknown key', async () => {
    file('project: shop\naws:\n  region: eu-west-1\n  acountId: "1"\n');
    await expect(load()).rejects.toMatchObject({
      code: 'config-invalid',
      what: 'could not read the configuration',
      why: 'ecr-bootstrap.yaml:4: aws.acountId is not a key of the configuration',
      hint: 'Did you mean aws.accountId?',
    });
  });

  it('reports all missing and wrong values together, each with its location and fix', async () => {
    await expect(
      load({ env: { AWS_CONFIG_FILE: join(cwd, 'none'), AWS_REGION: 'nowhere' } }),
    ).rejects.toMatchObject({
      what: 'could not read the configuration',
      why: 'project is missing',
      hint: expect.stringContaining('--project NAME') as string,
      others: [
        {
          what: 'could not read the configuration',
          why: 'AWS_REGION "nowhere" is not a region, for example eu-west-1',
          hint: 'Correct AWS_REGION. See aws.region in docs/reference/configuration.md',
        },
      ],
    });
  });

  it('names a missing key without a file when no file was read', async () => {
    await expect(load({ flags: { project: 'shop' } })).rejects.toMatchObject({
      what: 'could not read the configuration',
      why: 'aws.region is missing',
    });
  });

  it('gives the minimum length for a value that is too short', async () => {
    await expect(load({ flags: { ...minimal, project: 'x' } })).rejects.toMatchObject({
      what: 'could not read the configuration',
      why: '--project "x" is too short: at least 2',
    });
  });

  it('lists the known keys when none is close', async () => {
    file('project: shop\naws: {region: eu-west-1}\nmirror:\n  zzz: 1\n');
    await expect(load()).rejects.toMatchObject({ hint: 'Known keys here: engine, concurrency.' });
  });

  it('says what is wrong with a value', async () => {
    file('project: Shop_\naws:\n  region: eu-west-1\n');
    await expect(load()).rejects.toMatchObject({
      code: 'config-invalid',
      what: 'could not read the configuration',
      why: expect.stringContaining('is not a name that ECR accepts') as string,
    });
  });

  it('says how to set a missing project', async () => {
    await expect(load({ flags: { region: 'eu-west-1' } })).rejects.toMatchObject({
      what: 'could not read the configuration',
      why: 'project is missing',
      hint: expect.stringContaining('--project') as string,
    });
  });

  it('says how to set a missing region', async () => {
    await expect(load({ flags: { project: 'shop' } })).rejects.toMatchObject({
      hint: expect.stringContaining('--region') as string,
    });
  });

  it('says that the profile from which to read the region does not exist', async () => {
    const config = file('[profile prod]\nregion = eu-central-1\n', 'aws');
    const env = { AWS_CONFIG_FILE: join(cwd, config), AWS_SHARED_CREDENTIALS_FILE: join(cwd, 'none') };
    const flags = { project: 'shop', profile: 'prd' };
    await expect(load({ flags, env })).rejects.toMatchObject({
      code: 'config-invalid',
      why: `aws.region is missing, and there is no profile prd in ${join(cwd, config)} or ${join(cwd, 'none')}; they have: prod`,
      hint: expect.stringContaining('aws configure list-profiles') as string,
    });
  });

  it('names the flag or variable that set a wrong value, not the file', async () => {
    file('project: shop\n');
    await expect(load({ flags: { region: 'nowhere' } })).rejects.toMatchObject({
      what: 'could not read the configuration',
      why: '--region "nowhere" is not a region, for example eu-west-1',
    });
  });

  it('accepts an account ID without quotes, which YAML reads as a number', async () => {
    file('project: shop\naws: {region: eu-west-1, accountId: 123456789012}\n');
    expect((await load()).config.aws.accountId).toBe('123456789012');
  });

  it('refuses an account ID without quotes that lost its leading zero', async () => {
    file('project: shop\naws: {region: eu-west-1, accountId: 012345678901}\n');
    await expect(load()).rejects.toMatchObject({
      why: expect.stringContaining('is not an account ID of 12 digits, for example "123456789012"') as string,
    });
  });

  it('returns every other value in lenient mode when some are missing or wrong', async () => {
    file('aws: {regoin: eu-west-1}\nimages: {list: nginx}\nmirror: {engine: docker}\n');
    const { config, mistakes } = await load({ lenient: true });
    expect(config.mirror.engine).toBe('docker');
    expect(mistakes.map(({ key, value }) => [key, value])).toEqual([
      ['project', undefined],
      ['aws.region', undefined],
      ['aws.regoin', 'eu-west-1'],
      ['images.list', 'nginx'],
    ]);
  });

  it('returns the other values in lenient mode when a section lacks a required key', async () => {
    file('project: shop\naws: {region: eu-west-1}\nrepositories: {encryption: {}, scanOnPush: true}\n');
    const { config, mistakes } = await load({ lenient: true });
    expect(config.repositories).toMatchObject({ scanOnPush: true });
    expect(mistakes).toMatchObject([{ key: 'repositories.encryption.type', why: 'is missing' }]);
    await expect(load()).rejects.toMatchObject({
      why: 'ecr-bootstrap.yaml:3: repositories.encryption.type is missing',
    });
  });

  it('returns the other values in lenient mode when a value conflicts with the default of another', async () => {
    file('project: shop\naws: {region: eu-west-1}\npullSecret: {copyEvery: 12h}\n');
    const { config, mistakes } = await load({ lenient: true });
    expect(config.pullSecret).toMatchObject({ name: 'puller', renewEvery: '1h', copyEvery: '10m' });
    expect(mistakes).toMatchObject([{ key: 'pullSecret.renewEvery' }]);
  });

  it('distinguishes a value of the wrong type from a missing one', async () => {
    file('project: 12\naws: {region: eu-west-1}\n');
    await expect(load()).rejects.toMatchObject({
      why: 'ecr-bootstrap.yaml:1: project must be text, not 12',
    });
  });

  it('lists the values that a key accepts', async () => {
    await expect(load({ flags: { ...minimal, engine: 'dokcer' } })).rejects.toMatchObject({
      why: '--engine "dokcer" is not one of auto, registry, docker',
      hint: 'Correct --engine. See mirror.engine in docs/reference/configuration.md',
    });
  });

  it.each(['image-puller', 'external-secrets-webhook'])(
    'refuses %s as the name of the pull secret, because it would overwrite a Secret that the operator needs',
    async (name) => {
      file(`project: shop\naws: {region: eu-west-1}\npullSecret:\n  name: ${name}\n`);
      await expect(load()).rejects.toMatchObject({
        code: 'config-invalid',
        why: `ecr-bootstrap.yaml:4: pullSecret.name "${name}" is the name of another Secret in the operator's namespace`,
        hint: 'See pullSecret.name in docs/reference/configuration.md',
      });
    },
  );

  it.each([
    ['with the same name', 'powerUser: {name: bob}, imagePuller: {name: bob}'],
    ['with names that differ only in case', 'powerUser: {name: bob}, imagePuller: {name: Bob}'],
    ['if one has the default name of the other', 'powerUser: {name: image-puller}'],
  ])('refuses users %s', async (_case, users) => {
    file(`project: shop\naws: {region: eu-west-1}\nusers: {${users}}\n`);
    await expect(load()).rejects.toMatchObject({
      code: 'config-invalid',
      why: 'ecr-bootstrap.yaml:3: users.imagePuller.name is also the name of users.powerUser; the two users need different names',
    });
  });

  it('resolves file names in the configuration from its folder, and those in flags from the working folder', async () => {
    mkdirSync(join(cwd, 'sites'));
    file(
      'project: shop\naws: {region: eu-west-1}\nexternalSecrets: {manifest: eso.yaml}\n',
      'sites/prod.yaml',
    );
    const { config } = await load({ file: 'sites/prod.yaml', flags: { kubeconfig: 'admin.conf' } });
    expect(config.externalSecrets.manifest).toBe(join(cwd, 'sites', 'eso.yaml'));
    expect(config.cluster.kubeconfig).toBe(join(cwd, 'admin.conf'));
  });

  it('keeps URLs unchanged and expands the home folder', async () => {
    const manifest = 'https://mirror.example/eso.yaml';
    const { config } = await load({ flags: { ...minimal, manifest, kubeconfig: '~/.kube/prod' } });
    expect(config.externalSecrets.manifest).toBe(manifest);
    expect(config.cluster.kubeconfig).toBe(join(homedir(), '.kube', 'prod'));
  });

  it.each([
    ['cluster', 'cluster'],
    ['linux/amd64,linux/arm64', ['linux/amd64', 'linux/arm64']],
  ])('reads --platform %s', async (platform, wanted) => {
    const { config } = await load({ flags: { ...minimal, platform } });
    expect(config.images.platforms).toEqual(wanted);
  });

  it('refuses a file that is not a YAML mapping', async () => {
    file('- a\n- b\n');
    await expect(load()).rejects.toMatchObject({
      code: 'config-unreadable',
      why: 'it is not a YAML mapping',
    });
  });

  it('refuses a named file that does not exist', async () => {
    await expect(load({ file: 'other.yaml' })).rejects.toMatchObject({ code: 'file-missing' });
  });

  it('accepts the variable of install.sh, which does not configure the program', async () => {
    const { warnings } = await load({
      flags: minimal,
      env: { ECR_BOOTSTRAP_RELEASE: 'https://mirror.example' },
    });
    expect(warnings).toEqual([]);
  });

  it('suggests the correct name for a misspelled variable', async () => {
    const { warnings } = await load({ flags: minimal, env: { ECR_BOOTSTRAP_REGOIN: 'x' } });
    expect(warnings).toEqual([
      'Ignoring the environment variable ECR_BOOTSTRAP_REGOIN, which is unknown. Did you mean ECR_BOOTSTRAP_REGION?',
    ]);
  });

  it('returns the origin of each value', async () => {
    file('project: shop\n');
    const { origins } = await load({ flags: { region: 'eu-west-1' } });
    expect(origins.get('project')).toBe('ecr-bootstrap.yaml');
    expect(origins.get('aws.region')).toBe('--region');
    expect(origins.get('mirror.engine')).toBe('default');
  });
});
