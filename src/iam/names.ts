import type { Config } from '../config/schema.ts';

/** The account and region that IAM policies refer to. */
export interface AwsAccount {
  readonly partition: string;
  readonly accountId: string;
  readonly region: string;
}

/** All names and ARNs in AWS that are derived from the configuration. */
export interface Names {
  readonly repositories: string;
  readonly allRepositories: string;
  readonly powerUser: UserNames;
  readonly imagePuller: UserNames;
  readonly secrets: SecretNames;
  /** For policies. Wildcards match the six characters that Secrets Manager appends to the name in an ARN. */
  readonly secretArns: readonly string[];
}

export interface UserNames {
  readonly user: string;
  readonly userArn: string;
  readonly path: string;
  /** The customer managed policy that ecr-bootstrap creates for this user. */
  readonly policy: string;
  readonly policyArn: string;
  /** The AWS managed policy that `policy: managed` attaches. */
  readonly managedPolicyArn: string;
}

/** The three secrets that hold the image puller's key. */
export interface SecretNames {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
}

export function secretNames(config: Config): SecretNames {
  const prefix = config.users.imagePuller.name;
  return {
    id: `${prefix}-AWS_ACCESS_KEY_ID`,
    secret: `${prefix}-AWS_SECRET_ACCESS_KEY`,
    region: `${prefix}-REGION`,
  };
}

export function namesIn(config: Config, { partition, accountId, region }: AwsAccount): Names {
  const arn = (service: string, scope: string, resource: string): string =>
    `arn:${partition}:${service}:${scope}:${accountId}:${resource}`;
  const userNames = (user: Config['users']['powerUser'], managed: string): UserNames => {
    const policy = `ecr-bootstrap-${user.name}`;
    return {
      user: user.name,
      userArn: arn('iam', '', `user${user.path}${user.name}`),
      path: user.path,
      policy,
      policyArn: arn('iam', '', `policy${user.path}${policy}`),
      managedPolicyArn: `arn:${partition}:iam::aws:policy/${managed}`,
    };
  };
  const secrets = secretNames(config);
  return {
    repositories: arn('ecr', region, `repository/${config.project}/*`),
    allRepositories: arn('ecr', region, 'repository/*'),
    powerUser: userNames(config.users.powerUser, 'AmazonEC2ContainerRegistryPowerUser'),
    imagePuller: userNames(config.users.imagePuller, 'AmazonEC2ContainerRegistryPullOnly'),
    secrets,
    secretArns: [secrets.id, secrets.secret, secrets.region].map((name) =>
      arn('secretsmanager', region, `secret:${name}-??????`),
    ),
  };
}
