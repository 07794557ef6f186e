import { z } from 'zod';
import { ecrComponent } from '../images/naming.ts';
import { parseIfValid } from '../images/reference.ts';

/** The first component of every repository name. */
export const project = z
  .string()
  .regex(
    new RegExp(`^${ecrComponent}$`),
    'is not a name that ECR accepts: lower-case letters and digits, with a single . _ or - between them, for example team-a',
  )
  .min(2)
  .max(64);

/**
 * A repository within the project. The maximum length leaves room for the longest project name in ECR's 256
 * characters.
 */
export const repositoryPath = z
  .string()
  .regex(
    new RegExp(`^${ecrComponent}(?:/${ecrComponent})*$`),
    'is not a repository name that ECR accepts, for example web/nginx',
  )
  .max(191);

/** A source repository without tag and digest. A reference with either would never match. */
export const sourceRepository = z.string().refine(isRepository, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a source repository without tag and digest, for example docker.io/library/nginx`,
});

function isRepository(text: string): boolean {
  const { tag, digest } = parseIfValid(text) ?? {};
  return tag === 'latest' && digest === undefined && !text.endsWith(':latest');
}

export const region = z
  .string()
  .regex(/^[a-z]{2,8}(-[a-z]+)+-\d+$/, 'is not a region, for example eu-west-1');

export const accountId = z
  .string()
  .regex(/^\d{12}$/, 'is not an account ID of 12 digits, for example "123456789012"');

/** Characters that IAM, ECR and Secrets Manager all accept in tags: botocore service model, iam TagUser. */
const tagCharacters = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]';
const notReserved = '(?![aA][wW][sS]:)';
/** AWS allows 50 tags. This program adds three, and one tag per cluster of the project to a secret. */
const maxTags = 40;

const tagKey = z
  .string()
  .min(1)
  .max(128)
  .regex(
    new RegExp(`^${notReserved}${tagCharacters}+$`, 'u'),
    'is not a tag key that AWS accepts: letters, digits, spaces and _ . : / = + - @, without the prefix aws:, for example cost-center',
  )
  .regex(/^(?!ecr-bootstrap:)/i, 'has the prefix ecr-bootstrap:, which marks what this program manages');

const tagValue = z
  .string()
  .max(256)
  .regex(
    new RegExp(`^${notReserved}${tagCharacters}*$`, 'u'),
    'is not a tag value that AWS accepts: letters, digits, spaces and _ . : / = + - @, without the prefix aws:, for example platform-team',
  );

/** IAM compares the keys of tags without regard to case. */
const hasDistinctKeys = (tags: Readonly<Record<string, string>>): boolean =>
  new Set(Object.keys(tags).map((key) => key.toLowerCase())).size === Object.keys(tags).length;

export const tags = z
  .record(tagKey, tagValue)
  .refine((all) => Object.keys(all).length <= maxTags, {
    error: `has more than ${maxTags} tags: AWS allows 50, and this program needs the others`,
  })
  .refine(hasDistinctKeys, { error: 'has two keys that differ only in case, which IAM does not allow' });

/** botocore service model, iam CreateUser. */
const userNameCharacters = '\\w+=,.@-';

export const userName = z
  .string()
  .regex(
    new RegExp(`^[${userNameCharacters}]{1,64}$`),
    'is not a name that IAM accepts: 1 to 64 letters, digits and _ + = , . @ -, for example image-puller',
  );

/**
 * Also the prefix of secret names, which do not allow a comma: botocore service model, secretsmanager
 * CreateSecret.
 */
export const imagePullerName = userName.regex(
  /^[^,]*$/,
  'has a comma, which Secrets Manager does not allow in the names of the secrets, for example image-puller',
);

/**
 * The user and its policy share the path. The path of a policy allows fewer characters than that of a user:
 * botocore service model, iam CreatePolicy. So it never contains `*`, `?` and `$`, which have a special meaning
 * in a policy's ARNs.
 */
export const userPath = z
  .string()
  .regex(
    /^((\/[A-Za-z0-9.,+@=_-]+)*)\/$/,
    'is not a path that IAM accepts for users and policies: it begins and ends with /, with letters, digits and . , + @ = _ - between, for example /team/',
  )
  .max(512);

/** The ARN of an IAM policy: partition, account or `aws`, path and name. */
export const policyArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/([A-Za-z0-9.,+@=_-]+\/)*[\w+=,.@-]{1,128}$/,
    'is not the ARN of an IAM policy, for example arn:aws:iam::123456789012:policy/boundary',
  )
  .max(2048);

/** The account in a policy's ARN. Undefined for AWS managed policies. */
export const accountOfPolicy = (arn: string | undefined): string | undefined =>
  /^arn:aws[a-z-]*:iam::(\d{12}):/.exec(arn ?? '')?.[1];

const keyId = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})';
/** botocore service model, kms CreateAlias. */
const keyAlias = 'alias/[a-zA-Z0-9:/_-]{1,250}';

/** ECR and Secrets Manager accept a key ID, an alias, or the ARN of either. */
export const kmsKey = z
  .string()
  .regex(
    new RegExp(`^(${keyId}|${keyAlias}|arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:(key/${keyId}|${keyAlias}))$`),
    'is not a KMS key: write its ID, its alias or an ARN, for example alias/ecr or 1234abcd-12ab-34cd-56ef-1234567890ab',
  );

/** The region in a key's ARN, if the key is given by its ARN. */
export const regionOfKey = (key: string | undefined): string | undefined =>
  /^arn:aws[a-z-]*:kms:([^:]+):/.exec(key ?? '')?.[1];

/** Length of the JSON text in characters: botocore service model, ecr PutLifecyclePolicy. */
const lifecycleText = { min: 100, max: 30_720 };

export const lifecyclePolicy = z
  .record(z.string(), z.unknown())
  .refine(({ rules }) => Array.isArray(rules) && rules.length > 0, {
    error: 'has no rules, for example `rules: [{rulePriority: 1, selection: {...}, action: {type: expire}}]`',
  })
  .refine(
    (policy) => {
      const { length } = JSON.stringify(policy);
      return length >= lifecycleText.min && length <= lifecycleText.max;
    },
    {
      error: ({ input }) =>
        `has ${JSON.stringify(input).length} characters as JSON; ECR accepts ${lifecycleText.min} to ${lifecycleText.max}`,
    },
  );
