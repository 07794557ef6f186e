import type { Config } from '../config/schema.ts';

/** The account that documents speak of. */
export interface AwsAccount {
  readonly partition: string;
  readonly accountId: string;
  readonly region: string;
}

/** Every name and ARN in AWS that follows from the configuration, in one place. */
export interface Names {
  readonly repositories: string;
  readonly allRepositories: string;
  readonly powerUser: UserNames;
  readonly imagePuller: UserNames;
  readonly secrets: SecretNames;
  /** For policies: the six characters that Secrets Manager adds to a secret's name are left open. */
  readonly secretArns: readonly string[];
}

export interface UserNames {
  readonly user: string;
  readonly userArn: string;
  readonly path: string;
  /** Our customer managed policy for this user. */
  readonly policy: string;
  readonly policyArn: string;
  /** The policy of AWS that `policy: managed` asks for. */
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
