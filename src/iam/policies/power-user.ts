import type { Config } from '../../config/schema.ts';
import { tags } from '../../core/ownership.ts';
import { allow, document, type PolicyDocument, type Statement } from './document.ts';
import { useOfKey, useOfKeys } from './kms.ts';
import { namesIn, type AwsAccount } from '../names.ts';

/**
 * The permissions for every run after the first. They do not include changes of users, policies or attachments: a
 * caller who may edit the image puller's policy could grant any right, and so would be an administrator.
 */
export function powerUserPolicy(
  config: Config,
  account: AwsAccount,
  keysInUse: readonly string[],
): PolicyDocument {
  return document(
    ...sharedStatements(config, account, keysInUse),
    unfinishedKeyTag(['TagUser', 'UntagUser'], config, account),
  );
}

/** Allows only the tag of the image puller that marks a key as being created. */
export function unfinishedKeyTag(actions: readonly string[], config: Config, account: AwsAccount): Statement {
  const { imagePuller } = namesIn(config, account);
  return allow('MarkUnfinishedKey', 'iam', actions, [imagePuller.userArn], {
    'ForAllValues:StringEquals': { 'aws:TagKeys': [tags.creating] },
  });
}

/** The permissions that the first run and every later run need. */
export function sharedStatements(
  config: Config,
  account: AwsAccount,
  keysInUse: readonly string[],
): (Statement | undefined)[] {
  const names = namesIn(config, account);
  const users = [names.powerUser.userArn, names.imagePuller.userArn];
  const policies = [names.powerUser.policyArn, names.imagePuller.policyArn];
  const { kmsKeyId } = config.secrets;
  const repositoryKey = config.repositories.encryption?.kmsKey;
  return [
    allow('Registry', 'ecr', registryActions, ['*']),
    allow('ListRepositories', 'ecr', ['DescribeRepositories'], [names.allRepositories]),
    allow('ProjectRepositories', 'ecr', repositoryActions, [names.repositories]),
    allow('ReadUsers', 'iam', readUserActions, users),
    allow('ImagePullerKeys', 'iam', accessKeyActions, [names.imagePuller.userArn]),
    allow('ReadPolicies', 'iam', ['GetPolicy', 'GetPolicyVersion'], policies),
    // Finds the secrets of an earlier users.imagePuller.name by their tags. It shows no values.
    allow('ListSecrets', 'secretsmanager', ['ListSecrets'], ['*']),
    allow('ImagePullerSecrets', 'secretsmanager', secretActions, names.secretArns),
    ...useOfKeys('SecretsKey', kmsKeyId, keysInUse, ['GenerateDataKey', 'Decrypt'], account),
    useOfKey('RepositoriesKey', repositoryKey, ['CreateGrant', 'RetireGrant', 'DescribeKey'], 'ecr', account),
  ];
}

const registryActions = [
  ...['GetAuthorizationToken', 'GetAccountSetting'],
  ...['DescribePullThroughCacheRules', 'DescribeRepositoryCreationTemplates'],
];

const repositoryActions = [
  ...['CreateRepository', 'TagResource', 'ListTagsForResource', 'GetRepositoryPolicy'],
  ...['PutImageTagMutability', 'PutImageScanningConfiguration', 'GetLifecyclePolicy', 'PutLifecyclePolicy'],
  ...['BatchCheckLayerAvailability', 'BatchGetImage', 'GetDownloadUrlForLayer', 'ListImages'],
  ...['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'],
];

const readUserActions = ['GetUser', 'ListUserPolicies', 'ListAttachedUserPolicies', 'ListGroupsForUser'];

const accessKeyActions = [
  ...['ListAccessKeys', 'GetAccessKeyLastUsed', 'CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey'],
];

const secretActions = [
  ...['CreateSecret', 'TagResource', 'UntagResource', 'DescribeSecret', 'GetSecretValue', 'PutSecretValue'],
  ...['GetResourcePolicy'],
  ...['UpdateSecretVersionStage', 'ListSecretVersionIds', 'RestoreSecret'],
];
