import { describe, expect, it } from 'vitest';
import { jsonSchema, type KeySchema } from '../../../src/config/describe.ts';
import { setAt, type Tree } from '../../../src/config/tree.ts';
import { tokenAgeWarning } from '../../../src/config/pull-secret.ts';
import { validate } from '../../../src/config/validate.ts';

/** A valid configuration with one more value. Keys of mappings may contain dots, so they are given separately. */
function configWith(path: string, value: unknown): Tree {
  const values: Tree = {
    project: 'shop',
    aws: { region: 'eu-west-1', accountId: '123456789012' },
    ...(path.startsWith('repositories.encryption.') ? { repositories: { encryption: { type: 'KMS' } } } : {}),
  };
  setAt(values, path, value);
  return values;
}

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'x']));

const rule = {
  rulePriority: 1,
  selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 },
  action: { type: 'expire' },
};
const uuid = '1234abcd-12ab-34cd-56ef-1234567890ab';

const accepted: [path: string, value: unknown][] = [
  ['project', 'team-a_web.2'],
  ['aws.tags', { 'cost center': 'Büro 7', Team: 'a+b=c@d', 'x/y:z': '' }],
  ['aws.tags', many(40)],
  ['images.map', { 'docker.io/library/nginx': 'web/nginx', redis: 'cache', 'localhost:5000/a__b': 'a_b' }],
  ['repositories.lifecyclePolicy', { rules: [rule] }],
  ['repositories.encryption.kmsKey', 'alias/ecr'],
  ['repositories.encryption.kmsKey', uuid],
  ['secrets.kmsKeyId', `mrk-${'a'.repeat(32)}`],
  ['secrets.kmsKeyId', `arn:aws:kms:eu-west-1:999999999999:key/${uuid}`],
  ['secrets.kmsKeyId', 'arn:aws:kms:eu-west-1:123456789012:alias/secrets'],
  ['users.powerUser.path', '/'],
  ['users.powerUser.path', '/team/a.b,c+d@e=f_g-h/'],
  ['users.powerUser.name', 'a,b'],
  ['users.imagePuller.name', 'team+puller=1@x.y_z-'],
  ['users.powerUser.permissionsBoundary', 'arn:aws:iam::aws:policy/PowerUserAccess'],
  ['users.powerUser.permissionsBoundary', 'arn:aws-cn:iam::123456789012:policy/team/boundary'],
  ['externalSecrets.manifest', 'release/external-secrets.yaml'],
  ['externalSecrets.manifest', 'https://mirror.example/eso.yaml'],
  ['externalSecrets.env', { HTTPS_PROXY: 'http://proxy:3128', 'java.opts-x_1': 'a\nb' }],
  ['externalSecrets.nodeSelector', { 'kubernetes.io/os': 'linux', disk: '' }],
  ['externalSecrets.tolerations', [{ operator: 'Exists' }, { key: 'a/b', value: 'c', effect: 'NoSchedule' }]],
  ['externalSecrets.tolerations', [{ key: 'a', effect: 'NoExecute', tolerationSeconds: 60 }]],
  [
    'externalSecrets.resources',
    { limits: { memory: '512Mi' }, requests: { cpu: 1, 'example.com/gpu': '1e3' } },
  ],
  ['pullSecret.name', 'pull.secret-1'],
  ['pullSecret', { renewEvery: '7h', copyEvery: '1h' }],
  ['namespaces.exclude', ['kube-*', 'team-?']],
  ['serviceAccounts.exclude', ['ci/*', 'kube-system/core*', '*/system.node-?']],
];

const tooShort = { rules: [{ rulePriority: 1, action: { type: 'expire' } }] };
const tooLong = { rules: Array.from({ length: 300 }, () => rule) };

const refused: [path: string, value: unknown, why: string][] = [
  ['project', 'Shop', 'is not a name that ECR accepts'],
  ['project', 'a..b', 'is not a name that ECR accepts'],
  ['project', 'a__b', 'is not a name that ECR accepts'],
  ['project', 'team/a', 'is not a name that ECR accepts'],
  ['aws.accountId', 123456789012, 'must be text'],
  ['aws.tags', { 'aws:team': 'x' }, 'without the prefix aws:'],
  ['aws.tags', { 'AWS:team': 'x' }, 'without the prefix aws:'],
  ['aws.tags', { team: 'Aws:x' }, 'without the prefix aws:'],
  ['aws.tags', { 'team#1': 'x' }, '"team#1" is not a tag key'],
  ['aws.tags', { team: 'a&b' }, '"a&b" is not a tag value'],
  ['aws.tags', { '': 'x' }, 'is too short: at least 1'],
  ['aws.tags', { ['k'.repeat(129)]: 'x' }, 'is too long: at most 128'],
  ['aws.tags', { team: 'v'.repeat(257) }, 'is too long: at most 256'],
  ['aws.tags', many(41), 'has more than 40 tags'],
  ['aws.tags', { Team: 'a', team: 'b' }, 'differ only in case'],
  ['aws.tags', { 'ecr-bootstrap:creating': '-' }, 'has the prefix ecr-bootstrap:'],
  ['aws.tags', { 'ECR-Bootstrap:cluster/x': '-' }, 'has the prefix ecr-bootstrap:'],
  ['aws.tags', { team: 12 }, 'must be text'],
  ['images.fields', ['widgets.example.com'], 'must be a mapping, not a list'],
  ['images.fields', { 'widgets.example.com': [null] }, 'must be text, not nothing'],
  ['images.fields', { 'widgets.example.com': { path: '.spec.image' } }, 'must be a list, not a mapping'],
  ['images.map', { 'nginx:1.27': 'web' }, '"nginx:1.27" is not a source repository'],
  ['images.map', { 'Not An Image': 'web' }, 'is not a source repository'],
  ['images.map', { nginx: 'Web' }, '"Web" is not a repository name'],
  ['images.map', { nginx: '/web' }, '"/web" is not a repository name'],
  ['repositories.lifecyclePolicy', tooShort, 'as JSON; ECR accepts 100 to 30720'],
  ['repositories.lifecyclePolicy', tooLong, 'as JSON; ECR accepts 100 to 30720'],
  ['repositories.lifecyclePolicy', { description: 'x'.repeat(100) }, 'has no rules'],
  ['repositories.encryption', { type: 'AES256', kmsKey: uuid }, 'needs `type: KMS`'],
  ['repositories.encryption.kmsKey', 'my-key', 'is not a KMS key'],
  ['secrets.kmsKeyId', '*', 'is not a KMS key'],
  ['secrets.kmsKeyId', 'alias/*', 'is not a KMS key'],
  ['secrets.kmsKeyId', 'arn:aws:kms:eu-west-1:123456789012:key/*', 'is not a KMS key'],
  ['secrets.kmsKeyId', `arn:aws:kms:us-east-1:123456789012:key/${uuid}`, 'is a key of us-east-1'],
  ['users.powerUser.path', 'team/', 'is not a path'],
  ['users.powerUser.path', '/team', 'is not a path'],
  ['users.powerUser.path', '//', 'is not a path'],
  ['users.powerUser.path', '/team*/', 'is not a path'],
  ['users.powerUser.path', '/team?/', 'is not a path'],
  ['users.powerUser.path', '/${aws:username}/', 'is not a path'],
  ['users.powerUser.path', `/${'a'.repeat(511)}/`, 'is too long: at most 512'],
  ['users.powerUser.name', 'a*', 'is not a name that IAM'],
  ['users.powerUser.name', 'u'.repeat(65), 'is not a name that IAM'],
  ['users.imagePuller.name', 'a,b', 'has a comma'],
  [
    'users.powerUser.permissionsBoundary',
    'arn:aws:iam::123456789012:role/x',
    'is not the ARN of an IAM policy',
  ],
  [
    'users.powerUser.permissionsBoundary',
    'arn:aws:iam::123456789012:policy/*',
    'is not the ARN of an IAM policy',
  ],
  [
    'users.powerUser.permissionsBoundary',
    'arn:aws:iam::999999999999:policy/x',
    'is a policy of account 999999999999',
  ],
  ['externalSecrets.manifest', 'ftp://host/eso.yaml', 'is neither a file nor a URL'],
  ['externalSecrets.manifest', 'https://', 'is neither a file nor a URL'],
  ['externalSecrets.env', { '1A': 'x' }, 'is not the name of an environment variable'],
  ['externalSecrets.env', { 'A=B': 'x' }, 'is not the name of an environment variable'],
  ['externalSecrets.nodeSelector', { 'a/b/c': 'x' }, 'is not a key that Kubernetes accepts'],
  ['externalSecrets.nodeSelector', { disk: 'a b' }, 'is not a label value'],
  ['externalSecrets.tolerations', [{ value: 'x' }], 'needs `operator: Exists`'],
  ['externalSecrets.tolerations', [{ key: 'a', operator: 'Exists', value: 'x' }], 'does not allow'],
  ['externalSecrets.tolerations', [{ key: 'a', tolerationSeconds: 60 }], 'needs `effect: NoExecute`'],
  ['externalSecrets.tolerations', [{ key: 'a', effect: 'Never' }], 'is not one of NoSchedule'],
  ['externalSecrets.tolerations', [{ kye: 'a' }], 'is not a key of the configuration'],
  ['externalSecrets.resources', { limit: { cpu: 1 } }, 'is not a key of the configuration'],
  ['externalSecrets.resources', { limits: { cpu: 'lots' } }, 'is not a quantity'],
  ['externalSecrets.resources', { limits: { cpu: -1 } }, 'is too small: at least 0'],
  ['pullSecret.name', 'a..b', 'is not a name that Kubernetes accepts'],
  ['pullSecret.name', 'a.-b', 'is not a name that Kubernetes accepts'],
  ['pullSecret.name', 'a'.repeat(254), 'is too long: at most 253'],
  ['pullSecret.renewEvery', '24h', 'a token is valid for 12 h'],
  ['pullSecret', { copyEvery: '7h30m' }, 'together are more than 8h'],
  ['pullSecret', { renewEvery: '7h', copyEvery: '1h1s' }, 'together are more than 8h'],
  ['namespaces.exclude', ['kube_*'], 'is not a glob of namespaces'],
  ['namespaces.exclude', ["x'|| true"], 'is not a glob of namespaces'],
  ['serviceAccounts.exclude', ['default'], 'is not a glob NAMESPACE/NAME'],
  ['serviceAccounts.exclude', ['a/b/c'], 'is not a glob NAMESPACE/NAME'],
];

describe('a configuration value', () => {
  it.each(accepted)('is accepted for %s: %j', (path, value) => {
    expect(() => validate(configWith(path, value), {})).not.toThrow();
  });

  it.each(refused)('is refused for %s: %j', (path, value, why) => {
    expect(() => validate(configWith(path, value), {})).toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        why: expect.stringMatching(new RegExp(`^${path.replaceAll('.', '\\.')}`)) as string,
        hint: expect.stringContaining(path.split('.').slice(0, 2).join('.')) as string,
      }) as Error,
    );
    expect(() => validate(configWith(path, value), {})).toThrow(why);
  });

  it.each(textKeys(jsonSchema()))('never has a control character: %s', (path, wrap) => {
    for (const character of ['\u001b[2J', '\u0000', '\u009b']) {
      expect(() => validate(configWith(path, wrap(`a${character}b`)), {})).toThrow(path);
    }
  });
});

describe('the intervals of the pull secret', () => {
  it('cause a warning with the reason when their sum exceeds 4 hours', () => {
    expect(tokenAgeWarning({ renewEvery: '3h50m', copyEvery: '10m' })).toBeUndefined();
    const warning = tokenAgeWarning({ renewEvery: '4h', copyEvery: '10m' });
    expect(warning).toMatch(
      /renewEvery 4h and copyEvery 10m together are more than 4h: a token is valid for 12 h/,
    );
  });
});

/** Every key that accepts free text, with a function that sets it. ECR defines the keys of the lifecycle policy. */
function textKeys(
  { properties = {} }: KeySchema,
  prefix = '',
): [path: string, wrap: (text: string) => unknown][] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`;
    if (path === 'repositories.lifecyclePolicy') return [];
    return [...textKeys(schema, `${path}.`), ...wrapsOf(schema).map((wrap) => [path, wrap] as const)].map(
      ([at, wrap]): [string, (text: string) => unknown] => [at, wrap],
    );
  });
}

function wrapsOf(
  schema: KeySchema & { readonly additionalProperties?: unknown },
): ((text: string) => unknown)[] {
  if (schema.type === 'string' && !schema.enum) return [(text) => text];
  if (schema.type === 'array' && schema.items)
    return wrapsOf(schema.items).map((wrap) => (text) => [wrap(text)]);
  const { additionalProperties: values } = schema;
  if (schema.type !== 'object' || typeof values !== 'object') return [];
  return [(text) => ({ [text]: 'a' }), (text) => ({ a: text })];
}
