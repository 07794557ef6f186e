import type { Config } from '../../config/schema.ts';
import { allow, document, type PolicyDocument } from './document.ts';
import { useOfKey } from './kms.ts';
import { namesIn, type Account } from './names.ts';

/** What the cluster may do with the image puller's key: pull from the project, and read that key. */
export function imagePullerPolicy(config: Config, account: Account): PolicyDocument {
  const { repositories, secretArns } = namesIn(config, account);
  const pull = [
    allow('RegistryToken', 'ecr', ['GetAuthorizationToken'], ['*']),
    allow(
      'PullFromProject',
      'ecr',
      ['BatchGetImage', 'GetDownloadUrlForLayer', 'BatchCheckLayerAvailability'],
      [repositories],
    ),
  ];
  return document(
    ...(config.users.imagePuller.policy === 'precise' ? pull : []),
    allow('ReadOwnKey', 'secretsmanager', ['GetSecretValue'], secretArns),
    useOfKey('DecryptOwnKey', config.secrets.kmsKeyId, ['Decrypt'], 'secretsmanager', account),
  );
}
