/** A configuration key that can also be given by a flag or an environment variable. */
export interface Setting {
  /** Path in the file, with dots. */
  readonly key: string;
  /** Name of the global flag as commander stores it. */
  readonly flag: string;
  readonly env: string;
  /** Variables of other programs that set the default, in order of precedence. */
  readonly ambient: readonly string[];
}

/**
 * In the order of resolution, because the profile may provide the region. Other keys can only be set in the
 * file.
 */
export const settings: readonly Setting[] = [
  { key: 'project', flag: 'project', env: 'ECR_BOOTSTRAP_PROJECT', ambient: [] },
  {
    key: 'aws.profile',
    flag: 'profile',
    env: 'ECR_BOOTSTRAP_PROFILE',
    ambient: ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  },
  {
    key: 'aws.region',
    flag: 'region',
    env: 'ECR_BOOTSTRAP_REGION',
    ambient: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  },
  { key: 'aws.accountId', flag: 'accountId', env: 'ECR_BOOTSTRAP_ACCOUNT_ID', ambient: [] },
  { key: 'cluster.kubeconfig', flag: 'kubeconfig', env: 'ECR_BOOTSTRAP_KUBECONFIG', ambient: ['KUBECONFIG'] },
  { key: 'cluster.context', flag: 'context', env: 'ECR_BOOTSTRAP_CONTEXT', ambient: [] },
  { key: 'images.platforms', flag: 'platform', env: 'ECR_BOOTSTRAP_PLATFORM', ambient: [] },
  { key: 'mirror.engine', flag: 'engine', env: 'ECR_BOOTSTRAP_ENGINE', ambient: [] },
  { key: 'externalSecrets.manifest', flag: 'manifest', env: 'ECR_BOOTSTRAP_MANIFEST', ambient: [] },
];

/** Variables that are read elsewhere, the last one by `install.sh`. */
export const otherVariables = ['ECR_BOOTSTRAP_CONFIG', 'ECR_BOOTSTRAP_RELEASE'] as const;
