import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { BootstrapError } from '../../core/errors.ts';
import { onceFulfilled } from '../../core/once.ts';
import { Secret } from '../../core/secret.ts';
import { awsCode, undefinedIfAbsent } from './errors.ts';
import type { SecretsPort, SecretVersion } from './port.ts';
import { allPages, tagList, tagRecord, type AwsSession } from './session.ts';

const absent = ['ResourceNotFound'];

const isScheduledForDeletion = ({ cause, why }: BootstrapError): boolean =>
  awsCode(cause) === 'InvalidRequest' && /deletion/.test(why);

/** Ignores the error for a secret that does not exist or is scheduled for deletion. */
async function unlessDeleted(removal: Promise<void>): Promise<void> {
  try {
    await undefinedIfAbsent(absent, removal);
  } catch (error) {
    if (!(error instanceof BootstrapError && isScheduledForDeletion(error))) throw error;
  }
}

export function createSecrets({ call, settings }: AwsSession): SecretsPort {
  const client = onceFulfilled(
    async () => new (await import('@aws-sdk/client-secrets-manager')).SecretsManager(settings),
  );
  const read = <T>(action: string, what: string, send: (secrets: SecretsManager) => Promise<T>) =>
    call(`secretsmanager:${action}`, what, async () => send(await client()));
  const write = async (
    action: string,
    what: string,
    send: (secrets: SecretsManager) => Promise<unknown>,
  ): Promise<void> => {
    await read(action, what, send);
  };

  const versionsOf = (name: string): Promise<SecretVersion[]> =>
    read('ListSecretVersionIds', `list the versions of secret ${name}`, (secrets) =>
      allPages(async (token) => {
        const page = await secrets.listSecretVersionIds({
          SecretId: name,
          IncludeDeprecated: true,
          ...(token ? { NextToken: token } : {}),
        });
        const items = page.Versions?.map(({ VersionId = '', VersionStages = [] }) => ({
          id: VersionId,
          stages: VersionStages,
        }));
        return { items, next: page.NextToken };
      }),
    );

  return {
    list: async (tagKey) => {
      const found = await read('ListSecrets', `list the secrets with tag ${tagKey}`, (secrets) =>
        allPages(async (token) => {
          const page = await secrets.listSecrets({
            // This filter matches by prefix.
            Filters: [{ Key: 'tag-key', Values: [tagKey] }],
            MaxResults: 100,
            ...(token ? { NextToken: token } : {}),
          });
          return { items: page.SecretList, next: page.NextToken };
        }),
      );
      return found.map(({ Name = '', Tags }) => ({ name: Name, tags: tagRecord(Tags) }));
    },
    describe: async (name) => {
      // For a caller with access to only some secrets, AWS answers "access denied" when a secret is absent.
      const found = await undefinedIfAbsent(
        [...absent, 'AccessDenied'],
        read('DescribeSecret', `read secret ${name}`, (secrets) =>
          secrets.describeSecret({ SecretId: name }),
        ),
      );
      if (!found) return undefined;
      const deleted = found.DeletedDate !== undefined;
      return {
        name,
        arn: found.ARN ?? '',
        tags: tagRecord(found.Tags),
        deleted,
        versions: deleted ? [] : await versionsOf(name),
        ...(found.KmsKeyId ? { kmsKeyId: found.KmsKeyId } : {}),
      };
    },
    create: async ({ name, description, kmsKeyId, tags }) => {
      try {
        await read('CreateSecret', `create secret ${name}`, (secrets) =>
          secrets.createSecret({
            Name: name,
            Description: description,
            Tags: tagList(tags),
            ...(kmsKeyId ? { KmsKeyId: kmsKeyId } : {}),
          }),
        );
        return 'created';
      } catch (error) {
        if (!(error instanceof BootstrapError)) throw error;
        if (awsCode(error.cause) === 'ResourceExists') return 'exists';
        if (isScheduledForDeletion(error)) return 'deleted';
        throw error;
      }
    },
    resourcePolicy: async (name) => {
      const found = await undefinedIfAbsent(
        absent,
        read('GetResourcePolicy', `read the policy of secret ${name}`, (secrets) =>
          secrets.getResourcePolicy({ SecretId: name }),
        ),
      );
      return found?.ResourcePolicy;
    },
    restore: (name) =>
      write('RestoreSecret', `restore secret ${name}`, (secrets) =>
        secrets.restoreSecret({ SecretId: name }),
      ),
    // If the response was lost, the deletion is already scheduled, and AWS rejects the repetition.
    delete: (name) =>
      unlessDeleted(
        write('DeleteSecret', `delete secret ${name}`, (secrets) =>
          secrets.deleteSecret({ SecretId: name, RecoveryWindowInDays: 30 }),
        ),
      ),
    tag: (name, tags) =>
      write('TagResource', `tag secret ${name}`, (secrets) =>
        secrets.tagResource({ SecretId: name, Tags: tagList(tags) }),
      ),
    untag: (name, keys) =>
      unlessDeleted(
        write('UntagResource', `remove tags from secret ${name}`, (secrets) =>
          secrets.untagResource({ SecretId: name, TagKeys: [...keys] }),
        ),
      ),
    value: async (name, version) => {
      const found = await undefinedIfAbsent(
        absent,
        read('GetSecretValue', `read the value of secret ${name}`, (secrets) =>
          secrets.getSecretValue({
            SecretId: name,
            ...(version && 'id' in version ? { VersionId: version.id } : {}),
            ...(version && 'stage' in version ? { VersionStage: version.stage } : {}),
          }),
        ),
      );
      return found?.SecretString === undefined ? undefined : new Secret(found.SecretString);
    },
    put: (name, value, { token, stages }) =>
      write('PutSecretValue', `store secret ${name}`, (secrets) =>
        secrets.putSecretValue({
          SecretId: name,
          SecretString: value.reveal(),
          ClientRequestToken: token,
          VersionStages: [...stages],
        }),
      ),
    moveStage: (name, stage, { to, from }) =>
      write('UpdateSecretVersionStage', `move ${stage} of secret ${name}`, (secrets) =>
        secrets.updateSecretVersionStage({
          SecretId: name,
          VersionStage: stage,
          ...(to ? { MoveToVersionId: to } : {}),
          ...(from ? { RemoveFromVersionId: from } : {}),
        }),
      ),
  };
}
