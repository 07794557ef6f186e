import type { Config } from '../../config/schema.ts';
import { allow, document, type PolicyDocument } from './document.ts';
import { useOfKeys } from './kms.ts';
import { namesIn, type AwsAccount } from '../names.ts';

/**
 * Anyone with an access key can exchange it for temporary credentials, which stay valid for up to 36 hours after the
 * key is disabled. Without this condition, a thief could use them to read the next key.
 */
const accessKeyOnly = { Null: { 'aws:TokenIssueTime': ['true'] } };

/** Sid of the statement that lets the image puller read its own key. */
export const ownKeyStatement = 'ReadOwnKey';

/** Lets the cluster pull images of the project and read the image puller's access key. */
export function imagePullerPolicy(
  config: Config,
  account: AwsAccount,
  keysInUse: readonly string[],
): PolicyDocument {
  const { repositories, secretArns } = namesIn(config, account);
  const pull = [
    allow('RegistryToken', 'ecr', ['GetAuthorizationToken'], ['*'], accessKeyOnly),
    // Unconditional: AWS does not document how it evaluates the condition for a pull with a registry token.
    allow(
      'PullFromProject',
      'ecr',
      ['BatchGetImage', 'GetDownloadUrlForLayer', 'BatchCheckLayerAvailability'],
      [repositories],
    ),
  ];
  return document(
    ...(config.users.imagePuller.policy === 'precise' ? pull : []),
    allow(ownKeyStatement, 'secretsmanager', ['GetSecretValue'], secretArns, accessKeyOnly),
    // Secrets Manager asks KMS only after it has allowed GetSecretValue.
    ...useOfKeys('DecryptOwnKey', config.secrets.kmsKeyId, keysInUse, ['Decrypt'], account),
  );
}
