import type { Config } from '../../config/schema.ts';
import { allow, document, type PolicyDocument } from './document.ts';
import { namesIn, type Account } from './names.ts';
import { markOfUnfinishedKey, sharedStatements } from './power-user.ts';

/** What makes and repairs everything, the two users and their policies too: for an administrator's first run. */
export function firstRunPolicy(config: Config, account: Account): PolicyDocument {
  const { powerUser, imagePuller } = namesIn(config, account);
  const users = [powerUser.userArn, imagePuller.userArn];
  const policies = [powerUser.policyArn, imagePuller.policyArn];
  const attachable = [...policies, powerUser.managedPolicyArn, imagePuller.managedPolicyArn];
  const isBounded = Object.values(config.users).some((user) => user.permissionsBoundary !== undefined);
  return document(
    ...sharedStatements(config, account),
    markOfUnfinishedKey(['UntagUser'], config, account),
    allow(
      'MakeUsers',
      'iam',
      ['CreateUser', 'TagUser', ...(isBounded ? ['PutUserPermissionsBoundary'] : [])],
      users,
    ),
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
