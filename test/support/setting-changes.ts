import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { changeRequests } from './change-requests.ts';
import { type Cli, openCli } from './cli.ts';
import { managedObjects } from './managed.ts';

type Settings = Readonly<Record<string, unknown>>;

/** A setting that no resource depends on. */
interface Independent {
  readonly none: string;
}

/** A setting that changes between two runs: `up` with `from`, then `up` with `to`. */
export interface SettingChange {
  readonly from?: Settings | ((cli: Cli) => Settings);
  readonly to: Settings;
  /** The codes of the findings with which `status` reports resources that the new settings no longer include. */
  readonly reports?: readonly string[];
  /** Text in the error if `up` must reject the change before its first writing request. */
  readonly refused?: string;
}

/** A setting that another test covers. */
interface TestedElsewhere {
  readonly test: string;
}

export type SettingRow = Independent | SettingChange | TestedElsewhere;

const lifecyclePolicy = {
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 9 },
      action: { type: 'expire' },
    },
  ],
};
const key = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const boundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
const ofUser = (who: 'powerUser' | 'imagePuller', settings: Settings): Settings => ({
  users: { [who]: settings },
});

const userRows = (who: 'powerUser' | 'imagePuller', other: string): Record<string, SettingRow> => ({
  [`users.${who}.name`]: { to: ofUser(who, { name: other }), reports: ['former-user'] },
  [`users.${who}.manage`]: { to: ofUser(who, { manage: false }), reports: ['former-user'] },
  [`users.${who}.policy`]: { to: ofUser(who, { policy: 'managed' }) },
  [`users.${who}.path`]: { to: ofUser(who, { path: '/team/' }), refused: 'has another path than /team/' },
  [`users.${who}.permissionsBoundary`]: { from: ofUser(who, { permissionsBoundary: boundary }), to: {} },
});

/** One row per setting. A setting without a row fails a test. */
export const settingRows: Readonly<Record<string, SettingRow>> = {
  project: { to: { project: 'store' }, refused: 'this cluster is set up for project shop' },
  'aws.region': { test: 'test/unit/steps/pull-secret-bootstrap/pull-secret-bootstrap.test.ts' },
  'aws.profile': { none: 'selects credentials; another account is refused like another region' },
  'aws.accountId': { none: 'only refuses other accounts' },
  'aws.blobMounting': { none: 'only turns a setting of the account on, and nothing turns it off' },
  'aws.tags': { from: { aws: { tags: { team: 'a' } } }, to: {} },
  'cluster.kubeconfig': { none: 'selects another cluster, which has its own registration' },
  'cluster.context': { none: 'selects another cluster, which has its own registration' },
  'images.list': { none: 'an image that leaves the list is reported like the repository of images.map' },
  'images.exclude': { none: 'an excluded image is reported like the repository of images.map' },
  'images.map': {
    to: { images: { map: { 'docker.io/library/nginx': 'web/nginx' } } },
    reports: ['repository-unused'],
  },
  'images.fields': { none: 'only adds images that custom resources name' },
  'images.warnings': { to: { images: { warnings: 'off' } } },
  'images.platforms': { none: 'only adds platforms to images' },
  'mirror.engine': { none: 'only how images are copied' },
  'mirror.concurrency': { none: 'only how images are copied' },
  'repositories.tagMutability': { to: { repositories: { tagMutability: 'IMMUTABLE' } } },
  'repositories.scanOnPush': {
    from: { repositories: { scanOnPush: true } },
    to: {},
    reports: ['setting-kept'],
  },
  'repositories.encryption.type': {
    to: { repositories: { encryption: { type: 'KMS' } } },
    reports: ['repository-encryption'],
  },
  'repositories.encryption.kmsKey': {
    from: { repositories: { encryption: { type: 'KMS', kmsKey: key } } },
    to: { repositories: { encryption: { type: 'AES256' } } },
    reports: ['repository-encryption'],
  },
  'repositories.lifecyclePolicy': {
    from: { repositories: { lifecyclePolicy } },
    to: {},
    reports: ['setting-kept'],
  },
  ...userRows('powerUser', 'pusher'),
  ...userRows('imagePuller', 'puller-2'),
  'secrets.kmsKeyId': { from: { secrets: { kmsKeyId: key } }, to: {}, reports: ['setting-kept'] },
  'externalSecrets.install': { to: { externalSecrets: { install: false } } },
  'externalSecrets.manifest': { none: 'every accepted YAML has the objects of the release' },
  'externalSecrets.sha256': { none: 'only refuses another YAML' },
  'externalSecrets.env': { from: { externalSecrets: { env: { EXAMPLE: '1' } } }, to: {} },
  'externalSecrets.caBundle': {
    from: ({ folder, world }) => {
      const caBundle = join(folder, 'authorities.pem');
      writeFileSync(caBundle, world.caPem);
      return { externalSecrets: { caBundle } };
    },
    to: {},
  },
  'externalSecrets.tolerations': {
    from: { externalSecrets: { tolerations: [{ key: 'example', operator: 'Exists' }] } },
    to: {},
  },
  'externalSecrets.nodeSelector': {
    from: { externalSecrets: { nodeSelector: { 'kubernetes.io/os': 'linux' } } },
    to: {},
  },
  'externalSecrets.resources.requests': {
    from: { externalSecrets: { resources: { requests: { cpu: '10m' } } } },
    to: {},
  },
  'externalSecrets.resources.limits': {
    from: { externalSecrets: { resources: { limits: { memory: '1Gi' } } } },
    to: {},
  },
  'pullSecret.name': { to: { pullSecret: { name: 'regcred' } } },
  'pullSecret.renewEvery': { to: { pullSecret: { renewEvery: '30m' } } },
  'pullSecret.copyEvery': { to: { pullSecret: { copyEvery: '5m' } } },
  'namespaces.exclude': { to: { namespaces: { exclude: ['monitoring'] } } },
  'serviceAccounts.exclude': { to: { serviceAccounts: { exclude: ['monitoring/default'] } } },
  'serviceAccounts.policy': { to: { serviceAccounts: { policy: 'off' } } },
  'nodes.access': { to: { nodes: { access: 'off' } } },
  'nodes.image': { to: { nodes: { image: 'docker.io/library/nginx:1.28' } } },
  'nodes.nodeSelector': { to: { nodes: { nodeSelector: { pool: 'other' } } } },
  'nodes.hosts': { to: { nodes: { hosts: [] } } },
};

/**
 * Applies a change. Expects that everything in use keeps its permissions and that nothing is left behind
 * unreported.
 */
export async function changeSetting(row: SettingChange): Promise<void> {
  const cli = await openCli({}, { fast: true, config: '{}' });
  try {
    const before = typeof row.from === 'function' ? row.from(cli) : (row.from ?? {});
    configure(cli, before);
    await succeed(cli, 'up --yes');
    const lost = watchImagePuller(cli);
    configure(cli, row.to);
    if (row.refused === undefined) {
      await succeed(cli, 'up --yes');
      await cli.world.cluster.settled();
      await succeed(cli, 'up --dry-run --exit-code');
      const { code, stdout } = await cli.run('status -o json', { env });
      expect(code, stdout).toBe(0);
      expect(codesIn(stdout)).toEqual(expect.arrayContaining([...(row.reports ?? [])]));
      expect(lost()).toEqual([]);
    } else {
      await isRefused(cli, row.refused);
      configure(cli, before);
    }
    await succeed(cli, 'down --yes --aws --delete-images --delete-secrets');
    await cli.world.cluster.settled();
    expect(managedObjects(cli)).toEqual([]);
    expect(taggedResources(cli)).toEqual([]);
  } finally {
    await cli.close();
  }
}

function configure({ folder }: Cli, settings: Settings): void {
  const base = { project: 'shop', images: { exclude: ['registry.k8s.io/*'] } };
  const images = { ...base.images, ...(settings['images'] as object | undefined) };
  writeFileSync(join(folder, 'ecr-bootstrap.yaml'), JSON.stringify({ ...base, ...settings, images }));
}

const codesIn = (text: string): string[] =>
  [...text.matchAll(/"code": "([a-z-]+)"/g)].map(([, code = '']) => code);

/** Reads the project from the file, so that it can change. */
const env = { ECR_BOOTSTRAP_PROJECT: undefined };

async function succeed(cli: Cli, args: string): Promise<void> {
  const { code, stdout, stderr } = await cli.run(args, { env });
  expect(code, `${args}\n${stdout}${stderr}`).toBe(0);
}

async function isRefused(cli: Cli, words: string): Promise<void> {
  const asked = changeRequests(cli.world).length;
  const { stdout, document } = await cli.json('up --yes', { env });
  expect(document.error?.code).toBe('blocked');
  expect(stdout).toContain(words);
  expect(changeRequests(cli.world).slice(asked)).toEqual([]);
}

/**
 * Checks after every change in IAM that the key in the cluster can pull and read the secrets. @returns a function
 * that lists what it could not do
 */
function watchImagePuller({ world: { aws, cluster } }: Cli): () => readonly string[] {
  const { identities } = aws;
  const lost: string[] = [];
  const checkAccess = (): void => {
    const secret = cluster.get('Secret', 'image-puller', 'external-secrets') as
      { data?: Record<string, string> } | undefined;
    const id = Buffer.from(secret?.data?.['AWS_ACCESS_KEY_ID'] ?? '', 'base64').toString();
    const held = identities.keys.get(id);
    if (!held?.active) return void lost.push(`access key ${id}`);
    const { user } = held;
    const rights = [
      ['ecr:GetAuthorizationToken', '*'],
      ['ecr:BatchGetImage', 'arn:aws:ecr:eu-west-1:123456789012:repository/shop/external-secrets'],
      [
        'secretsmanager:GetSecretValue',
        `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${user.name}-REGION-a1B2c3`,
      ],
    ] as const;
    for (const [action, resource] of rights) {
      try {
        identities.authorise(user, { action, resource, keys: {} });
      } catch {
        lost.push(`${user.name}: ${action}`);
      }
    }
  };
  const settle = identities.settle.bind(identities);
  identities.settle = () => {
    settle();
    checkAccess();
  };
  return () => {
    checkAccess();
    identities.settle = settle;
    return lost;
  };
}

/** Everything in AWS with a tag of ecr-bootstrap, except secrets that are scheduled for deletion. */
function taggedResources({ world: { aws } }: Cli): string[] {
  const all: (readonly [name: string, tags: ReadonlyMap<string, string>])[] = [
    ...[...aws.identities.users.values()].map((one) => [one.arn, one.tags] as const),
    ...[...aws.identities.policies.values()].map((one) => [one.arn, one.tags] as const),
    ...[...aws.registry.repositories.values()].map((one) => [one.name, one.awsTags] as const),
    ...aws.secrets
      .all()
      .filter(({ deletion }) => !deletion)
      .map((one) => [one.name, one.tags] as const),
  ];
  return all
    .filter(([, tags]) => [...tags.keys()].some((tag) => tag.startsWith('ecr-bootstrap:')))
    .map(([name]) => name);
}
