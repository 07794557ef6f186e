const allow = (Action: string | string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});

const PULL = ['GetAuthorizationToken', 'BatchGetImage', 'GetDownloadUrlForLayer'];
const PUSH = ['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'];
const READ = [
  'BatchCheckLayerAvailability',
  'DescribeImages',
  'DescribeImageScanFindings',
  'DescribeRepositories',
  'GetLifecyclePolicy',
  'GetLifecyclePolicyPreview',
  'GetRepositoryPolicy',
  'ListImages',
  'ListTagsForResource',
];
const ecr = (...actions: string[]) => allow(actions.map((action) => `ecr:${action}`));

/** AWS's own policies that this product may meet, by name. */
export const MANAGED_POLICIES = {
  AdministratorAccess: allow('*'),
  AmazonEC2ContainerRegistryPowerUser: ecr(...PULL, ...READ, ...PUSH),
  AmazonEC2ContainerRegistryPullOnly: ecr(...PULL, 'BatchImportUpstreamImage'),
};
