import type { SandboxClock } from '../clock.ts';
import { AwsRefusal } from '../ports.ts';
import { page } from './paging.ts';
import { CURRENT, Secret, type Secrets } from './secret-store.ts';
import { addTags, tagList, type Service, type Tag } from './service.ts';

/** The account and region of a regional service. */
export interface StoreLocation {
  readonly account: string;
  readonly region: string;
  readonly clock: SandboxClock;
}

interface SecretInput {
  readonly SecretId: string;
}
interface ValueInput {
  readonly SecretString?: string;
  readonly ClientRequestToken?: string;
}

interface ListFilter {
  readonly Key: string;
  readonly Values: readonly string[];
}
interface ListInput {
  readonly IncludePlannedDeletion?: boolean;
  readonly Filters?: readonly ListFilter[];
  readonly MaxResults?: number;
  readonly NextToken?: string;
}

/** Filters match prefixes. */
function matches({ tags }: Secret, { Key, Values }: ListFilter): boolean {
  if (Key !== 'tag-key') throw new AwsRefusal('ValidationException', `the sandbox does not filter by ${Key}`);
  return [...tags.keys()].some((key) => Values.some((value) => key.startsWith(value)));
}

const DAY = 86_400_000;

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html */
const MAX_TAGS = 50;

const KEY_USE: Readonly<Record<string, readonly string[]>> = {
  GetSecretValue: ['kms:Decrypt'],
  PutSecretValue: ['kms:GenerateDataKey', 'kms:Decrypt'],
};

const invalid = (reason: string) => new AwsRefusal('InvalidRequestException', reason);
const notFound = (what: string) =>
  new AwsRefusal('ResourceNotFoundException', `Secrets Manager can't find the specified ${what}.`);

/** Secrets Manager, for string secrets. */
export function secretsManager(secrets: Secrets, location: StoreLocation): Service {
  const { account, region, clock } = location;
  const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;
  const find = ({ SecretId }: SecretInput): Secret => {
    const secret = secrets.get(SecretId);
    if (!secret) throw notFound('secret');
    return secret;
  };
  const findUndeleted = (input: SecretInput): Secret => {
    const secret = find(input);
    if (!secret.deletion) return secret;
    throw invalid("You can't perform this operation on the secret because it was marked for deletion.");
  };
  const reference = ({ arn, name }: Secret) => ({ ARN: arn, Name: name });
  const view = (secret: Secret) => ({
    ...reference(secret),
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    Tags: tagList(secret.tags),
    CreatedDate: new Date(secret.created),
    LastChangedDate: new Date(
      Math.max(secret.created, ...[...secret.versions.values()].map((v) => v.created)),
    ),
    DeletedDate: secret.deletion && new Date(secret.deletion.at),
  });
  /** A customer managed key needs permissions of the caller. The AWS managed key needs none. */
  const useOfKey = (operation: string, kmsKeyId: string | undefined) => {
    if (kmsKeyId === undefined) return [];
    const resource = kmsKeyId.startsWith('arn:')
      ? kmsKeyId
      : `arn:aws:kms:${region}:${account}:key/${kmsKeyId}`;
    return (KEY_USE[operation] ?? []).map((action) => ({ action, resource }));
  };
  const staged = (secret: Secret) => [...secret.versions].filter(([, { stages }]) => stages.size > 0);

  return {
    name: 'secretsmanager',
    snapshot: () => secretsManager(secrets.copy(), location),
    target(operation, { SecretId, Name }: Partial<SecretInput> & { Name?: string }) {
      if (operation === 'ListSecrets') return { arn: '*' };
      const secret = secrets.get(SecretId ?? Name ?? '');
      // The ARN of a new secret has its random suffix before authorization. The ARN of an absent secret has none, so
      // a policy on `NAME-??????` denies a read of it. The caller does not learn that the secret is absent.
      const absent = operation === 'CreateSecret' ? `${prefix}${Name}-AAAAAA` : `${prefix}${SecretId}`;
      const alsoNeeds = useOfKey(operation, secret?.kmsKeyId);
      const keys = {
        'kms:ViaService': `secretsmanager.${region}.amazonaws.com`,
        'secretsmanager:Name': Name,
      };
      return { arn: secret?.arn ?? absent, tags: secret?.tags, keys, alsoNeeds };
    },
    operations: {
      CreateSecret(
        input: ValueInput & { Name: string; Description?: string; KmsKeyId?: string; Tags?: Tag[] },
      ) {
        const { Name, SecretString, ClientRequestToken = '' } = input;
        const existing = secrets.get(Name);
        if (existing?.deletion) {
          const scheduled = 'a secret with this name is already scheduled for deletion';
          throw invalid(`You can't create this secret because ${scheduled}.`);
        }
        if (existing && existing.versions.get(ClientRequestToken)?.value !== (SecretString ?? '')) {
          const exists = `the secret ${Name} already exists`;
          throw new AwsRefusal('ResourceExistsException', `The operation failed because ${exists}.`);
        }
        const secret = existing ?? new Secret(prefix, Name, clock.now());
        secret.description = input.Description;
        secret.kmsKeyId = input.KmsKeyId;
        addTags(secret.tags, input.Tags);
        secrets.add(secret);
        if (SecretString === undefined) return reference(secret);
        const VersionId = secret.put(SecretString, [CURRENT], clock.now(), input.ClientRequestToken);
        return { ...reference(secret), VersionId };
      },
      DescribeSecret(input: SecretInput) {
        const secret = find(input);
        const stages = Object.fromEntries(staged(secret).map(([id]) => [id, secret.stagesOf(id)]));
        return { ...view(secret), VersionIdsToStages: staged(secret).length > 0 ? stages : undefined };
      },
      GetResourcePolicy(input: SecretInput) {
        const secret = find(input);
        const { ARN, Name } = reference(secret);
        return { ARN, Name, ResourcePolicy: secret.policy };
      },
      PutResourcePolicy(input: SecretInput & { ResourcePolicy: string }) {
        const secret = findUndeleted(input);
        secret.policy = input.ResourcePolicy;
        const { ARN, Name } = reference(secret);
        return { ARN, Name };
      },
      ListSecrets(input: ListInput) {
        const { IncludePlannedDeletion = false, Filters = [], MaxResults, NextToken } = input;
        const found = secrets
          .all()
          .filter(({ deletion }) => !deletion || IncludePlannedDeletion)
          .filter((secret) => Filters.every((filter) => matches(secret, filter)));
        const { items, nextToken } = page(found, {
          ...(MaxResults === undefined ? {} : { maxResults: MaxResults }),
          ...(NextToken === undefined ? {} : { nextToken: NextToken }),
        });
        return { SecretList: items.map(view), NextToken: nextToken };
      },
      GetSecretValue(input: SecretInput & { VersionId?: string; VersionStage?: string }) {
        const secret = findUndeleted(input);
        const { VersionStage: stage = input.VersionId === undefined ? CURRENT : undefined } = input;
        const id = input.VersionId ?? secret.holderOf(stage ?? '') ?? '';
        const version = secret.versions.get(id);
        if (!version || (stage !== undefined && !version.stages.has(stage))) {
          throw notFound(
            `secret value for ${stage === undefined ? `VersionId: ${id}` : `staging label: ${stage}`}`,
          );
        }
        return {
          ...reference(secret),
          VersionId: id,
          SecretString: version.value,
          VersionStages: secret.stagesOf(id),
          CreatedDate: new Date(version.created),
        };
      },
      PutSecretValue(input: SecretInput & ValueInput & { VersionStages?: string[] }) {
        const secret = findUndeleted(input);
        const { SecretString = '', VersionStages = [CURRENT], ClientRequestToken } = input;
        const VersionId = secret.put(SecretString, VersionStages, clock.now(), ClientRequestToken);
        return { ...reference(secret), VersionId, VersionStages: secret.stagesOf(VersionId) };
      },
      UpdateSecretVersionStage(
        input: SecretInput & { VersionStage: string; RemoveFromVersionId?: string; MoveToVersionId?: string },
      ) {
        const secret = findUndeleted(input);
        const { VersionStage, RemoveFromVersionId, MoveToVersionId } = input;
        if (MoveToVersionId !== undefined && !secret.versions.has(MoveToVersionId)) {
          throw notFound(`secret version ${MoveToVersionId}`);
        }
        const holder = secret.holderOf(VersionStage);
        if (holder !== undefined && holder !== MoveToVersionId && holder !== RemoveFromVersionId) {
          const attached = `Staging label ${VersionStage} is currently attached to version ${holder}`;
          throw new AwsRefusal(
            'InvalidParameterException',
            `The parameter RemoveFromVersionId must name the version that has the label. ${attached}.`,
          );
        }
        secret.moveStage(VersionStage, MoveToVersionId);
        return reference(secret);
      },
      ListSecretVersionIds(input: SecretInput & { IncludeDeprecated?: boolean }) {
        const secret = find(input);
        const Versions = (input.IncludeDeprecated ? [...secret.versions] : staged(secret)).map(
          ([VersionId, { created }]) => ({
            VersionId,
            VersionStages: secret.stagesOf(VersionId),
            CreatedDate: new Date(created),
          }),
        );
        return { ...reference(secret), Versions };
      },
      DeleteSecret(
        input: SecretInput & { RecoveryWindowInDays?: number; ForceDeleteWithoutRecovery?: boolean },
      ) {
        const { RecoveryWindowInDays = 30, ForceDeleteWithoutRecovery = false } = input;
        const secret = ForceDeleteWithoutRecovery ? find(input) : findUndeleted(input);
        const at = clock.now();
        const gone = at + (ForceDeleteWithoutRecovery ? secrets.forcedDeletion : RecoveryWindowInDays * DAY);
        secret.deletion = { at, gone };
        return { ...reference(secret), DeletionDate: new Date(gone) };
      },
      RestoreSecret(input: SecretInput) {
        const secret = find(input);
        secret.deletion = undefined;
        return reference(secret);
      },
      TagResource(input: SecretInput & { Tags: Tag[] }) {
        const { tags } = findUndeleted(input);
        const keys = new Set([...tags.keys(), ...input.Tags.map(({ Key }) => Key)]);
        // AWS documents the limit for this operation, but not the error code.
        if (keys.size > MAX_TAGS) {
          throw new AwsRefusal('InvalidParameterException', `A secret can have at most ${MAX_TAGS} tags.`);
        }
        addTags(tags, input.Tags);
        return undefined;
      },
      UntagResource(input: SecretInput & { TagKeys: string[] }) {
        for (const key of input.TagKeys) findUndeleted(input).tags.delete(key);
        return undefined;
      },
    },
  };
}
