import type { Config } from '../../config/schema.ts';
import { allow, document, type PolicyDocument, type Statement } from './document.ts';
import { namesIn, type AwsAccount } from '../names.ts';
import { unfinishedKeyTag, sharedStatements } from './power-user.ts';

/** The permissions to create and repair everything, including the two users, for an administrator's first run. */
export function firstRunPolicy(
  config: Config,
  account: AwsAccount,
  keysInUse: readonly string[],
): PolicyDocument {
  const { powerUser, imagePuller, repositories } = namesIn(config, account);
  const users = [powerUser.userArn, imagePuller.userArn];
  const policies = [powerUser.policyArn, imagePuller.policyArn];
  const attachable = [...policies, powerUser.managedPolicyArn, imagePuller.managedPolicyArn];
  return document(
    ...sharedStatements(config, account, keysInUse),
    unfinishedKeyTag(['UntagUser'], config, account),
    ...creations(config, account),
    // For `images --unused` and `images --prune`. The power user cannot delete images.
    allow('UnusedImages', 'ecr', ['DescribeImages', 'BatchDeleteImage'], [repositories]),
    config.aws.blobMounting && allow('BlobMounting', 'ecr', ['PutAccountSetting'], ['*']),
    allow('TagUsers', 'iam', ['TagUser'], users),
    allow('AttachPolicies', 'iam', ['AttachUserPolicy', 'DetachUserPolicy'], users, {
      ArnEquals: { 'iam:PolicyARN': attachable },
    }),
    allow(
      'MakePolicies',
      'iam',
      ['CreatePolicy', 'TagPolicy', 'ListPolicyVersions', 'CreatePolicyVersion', 'DeletePolicyVersion'],
      policies,
    ),
  );
}

/** A user with a configured permissions boundary can only be created with it, and cannot get another one. */
function creations(config: Config, account: AwsAccount): Statement[] {
  const { powerUser, imagePuller } = namesIn(config, account);
  const all = [
    { sid: 'PowerUser', arn: powerUser.userArn, boundary: config.users.powerUser.permissionsBoundary },
    { sid: 'ImagePuller', arn: imagePuller.userArn, boundary: config.users.imagePuller.permissionsBoundary },
  ];
  return all.map(({ sid, arn, boundary }) =>
    boundary === undefined
      ? allow(`Create${sid}`, 'iam', ['CreateUser'], [arn])
      : allow(`Create${sid}`, 'iam', ['CreateUser', 'PutUserPermissionsBoundary'], [arn], {
          StringEquals: { 'iam:PermissionsBoundary': [boundary] },
        }),
  );
}
