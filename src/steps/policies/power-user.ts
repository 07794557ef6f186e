import type { Config } from '../../config/schema.ts';
import { tags } from '../ownership.ts';
import { allow, document, type PolicyDocument, type Statement } from './document.ts';
import { useOfKey } from './kms.ts';
import { namesIn, type Account } from './names.ts';

/**
 * All that this program does after a first run. Nothing in it changes a user, a policy or what is attached: who
 * may write the image puller's policy could write any, and would be administrator.
 */
export function powerUserPolicy(config: Config, account: Account): PolicyDocument {
  return document(...powerUserStatements(config, account));
}

export function powerUserStatements(config: Config, account: Account): (Statement | undefined)[] {
  const names = namesIn(config, account);
  const users = [names.powerUser.userArn, names.imagePuller.userArn];
  const policies = [names.powerUser.policyArn, names.imagePuller.policyArn];
  const { kmsKeyId } = config.secrets;
  const repositoryKey = config.repositories.encryption?.kmsKey;
  return [
    allow('Registry', 'ecr', ['GetAuthorizationToken', 'DescribeRegistry', 'GetAccountSetting'], ['*']),
    allow('ListRepositories', 'ecr', ['DescribeRepositories'], [names.allRepositories]),
    allow('ProjectRepositories', 'ecr', repositoryActions, [names.repositories]),
    allow('ReadUsers', 'iam', readUserActions, users),
    allow('ImagePullerKeys', 'iam', accessKeyActions, [names.imagePuller.userArn]),
    allow('MarkUnfinishedKey', 'iam', ['TagUser', 'UntagUser'], [names.imagePuller.userArn], {
      'ForAllValues:StringEquals': { 'aws:TagKeys': [tags.creating] },
    }),
    allow('ReadPolicies', 'iam', ['GetPolicy', 'GetPolicyVersion', 'ListPolicyVersions'], policies),
    allow('ImagePullerSecrets', 'secretsmanager', secretActions, names.secretArns),
    useOfKey('SecretsKey', kmsKeyId, ['GenerateDataKey', 'Decrypt'], 'secretsmanager', account),
    useOfKey('RepositoriesKey', repositoryKey, ['CreateGrant', 'RetireGrant', 'DescribeKey'], 'ecr', account),
  ];
}

const repositoryActions = [
  ...['CreateRepository', 'TagResource', 'UntagResource', 'ListTagsForResource'],
  ...['PutImageTagMutability', 'PutImageScanningConfiguration', 'GetLifecyclePolicy', 'PutLifecyclePolicy'],
  ...[
    'BatchCheckLayerAvailability',
    'BatchGetImage',
    'GetDownloadUrlForLayer',
    'DescribeImages',
    'ListImages',
  ],
  ...['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'],
];

const readUserActions = [
  ...['GetUser', 'ListUserTags', 'ListUserPolicies', 'GetUserPolicy'],
  ...['ListAttachedUserPolicies', 'ListGroupsForUser'],
];

const accessKeyActions = [
  ...['ListAccessKeys', 'GetAccessKeyLastUsed', 'CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey'],
];

const secretActions = [
  ...['CreateSecret', 'TagResource', 'DescribeSecret', 'GetSecretValue', 'PutSecretValue'],
  ...['UpdateSecretVersionStage', 'ListSecretVersionIds', 'RestoreSecret'],
];
