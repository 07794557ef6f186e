import { randomUUID } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import { AwsRefusal } from '../ports.ts';
import { randomId, type Tags } from './identities.ts';
import { addTags, tagList, type Service, type Tag } from './service.ts';

interface Version {
  readonly value: string | undefined;
  readonly stages: Set<string>;
  readonly created: number;
}

export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly tags: Tags;
  readonly created: number;
  readonly versions: Map<string, Version>;
  deletion?: { readonly at: number; readonly gone: number } | undefined;
}

interface SecretInput {
  readonly SecretId: string;
}
interface ValueInput {
  readonly SecretString?: string;
  readonly SecretBinary?: string;
  readonly ClientRequestToken?: string;
}

const DAY = 86_400_000;
const CURRENT = 'AWSCURRENT';

const invalid = (reason: string) => new AwsRefusal('InvalidRequestException', reason);
const notFound = (what: string) =>
  new AwsRefusal('ResourceNotFoundException', `Secrets Manager can't find the specified ${what}.`);

/** Secrets by name; those whose time is up are gone. */
export class Secrets {
  readonly #secrets = new Map<string, Secret>();
  readonly #clock: SandboxClock;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  add(secret: Secret): void {
    this.#secrets.set(secret.name, secret);
  }

  /** @param id name or ARN */
  get(id: string): Secret | undefined {
    return this.all().find(({ name, arn }) => name === id || arn === id);
  }

  all(): Secret[] {
    const now = this.#clock.now();
    return [...this.#secrets.values()].filter(
      ({ deletion }) => deletion === undefined || deletion.gone > now,
    );
  }
}

/**
 * Secrets Manager.
 * @param forcedDeletion milliseconds that a name stays blocked after a forced deletion, which is asynchronous
 */
export function secretsManager(
  secrets: Secrets,
  { account, region, clock, forcedDeletion }: Place & { forcedDeletion: () => number },
): Service {
  const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;
  const find = ({ SecretId }: SecretInput): Secret => {
    const secret = secrets.get(SecretId);
    if (!secret) throw notFound('secret');
    return secret;
  };
  const findLiving = (input: SecretInput): Secret => {
    const secret = find(input);
    if (!secret.deletion) return secret;
    throw invalid("You can't perform this operation on the secret because it was marked for deletion.");
  };

  const moveStage = (secret: Secret, stage: string, to: string | undefined): void => {
    for (const [id, { stages }] of secret.versions) {
      if (!stages.delete(stage) || stage !== CURRENT || id === to) continue;
      moveStage(secret, 'AWSPREVIOUS', id);
    }
    if (to !== undefined) secret.versions.get(to)?.stages.add(stage);
  };

  /** Whether the value is new; the same token with the same value is the same version. */
  const putVersion = (secret: Secret, input: ValueInput, stages: readonly string[]): string => {
    const id = input.ClientRequestToken ?? randomUUID();
    const value = input.SecretString ?? input.SecretBinary;
    const existing = secret.versions.get(id);
    if (existing?.value === value && existing !== undefined) return id;
    if (existing) {
      const use = `that value is already in use for a version of secret ${secret.arn}`;
      throw new AwsRefusal(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${id} because ${use}.`,
      );
    }
    // The first version is the current one, whatever stages it was given.
    const wanted = secret.versions.size === 0 ? new Set([CURRENT, ...stages]) : stages;
    secret.versions.set(id, { value, stages: new Set(), created: clock.now() });
    for (const stage of wanted) moveStage(secret, stage, id);
    return id;
  };

  const stagesOf = (secret: Secret, id: string) => [...(secret.versions.get(id)?.stages ?? [])];
  const view = (secret: Secret) => ({
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    Tags: tagList(secret.tags),
    CreatedDate: new Date(secret.created),
    LastChangedDate: new Date(
      Math.max(secret.created, ...[...secret.versions.values()].map((v) => v.created)),
    ),
    DeletedDate: secret.deletion && new Date(secret.deletion.at),
  });

  return {
    name: 'secretsmanager',
    target(operation, { SecretId, Name }: Partial<SecretInput> & { Name?: string }) {
      if (operation === 'ListSecrets') return { arn: '*' };
      const secret = secrets.get(SecretId ?? Name ?? '');
      // A new secret's ARN has its random end before access is decided; an absent one has none, so that
      // a policy on `NAME-??????` denies reading it instead of telling that it is absent.
      const absent = operation === 'CreateSecret' ? `${prefix}${Name}-AAAAAA` : `${prefix}${SecretId}`;
      const alsoNeeds = operation === 'GetSecretValue' && secret?.kmsKeyId ? ['kms:Decrypt'] : [];
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
        const { Name, Description, KmsKeyId } = input;
        const existing = secrets.get(Name);
        if (existing?.deletion) {
          throw invalid(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
          );
        }
        const repeated = existing?.versions.get(input.ClientRequestToken ?? '');
        if (existing && (!repeated || repeated.value !== (input.SecretString ?? input.SecretBinary))) {
          throw new AwsRefusal(
            'ResourceExistsException',
            `The operation failed because the secret ${Name} already exists.`,
          );
        }
        const secret: Secret = existing ?? {
          name: Name,
          arn: `${prefix}${Name}-${randomId('').slice(0, 6)}`,
          description: Description,
          kmsKeyId: KmsKeyId,
          tags: new Map(),
          created: clock.now(),
          versions: new Map(),
        };
        addTags(secret.tags, input.Tags);
        secrets.add(secret);
        const hasValue = input.SecretString !== undefined || input.SecretBinary !== undefined;
        const VersionId = hasValue ? putVersion(secret, input, [CURRENT]) : undefined;
        return { ARN: secret.arn, Name, VersionId };
      },
      DescribeSecret(input: SecretInput) {
        const secret = find(input);
        const staged = [...secret.versions].filter(([, { stages }]) => stages.size > 0);
        const VersionIdsToStages = Object.fromEntries(staged.map(([id]) => [id, stagesOf(secret, id)]));
        return { ...view(secret), VersionIdsToStages: staged.length > 0 ? VersionIdsToStages : undefined };
      },
      ListSecrets: (input: { IncludePlannedDeletion?: boolean }) => ({
        SecretList: secrets
          .all()
          .filter(({ deletion }) => deletion === undefined || input.IncludePlannedDeletion)
          .map(view),
      }),
      GetSecretValue(input: SecretInput & { VersionId?: string; VersionStage?: string }) {
        const secret = findLiving(input);
        const stage = input.VersionStage ?? (input.VersionId === undefined ? CURRENT : undefined);
        const [id, version] =
          [...secret.versions].find(
            ([id, { stages }]) =>
              (input.VersionId ?? id) === id && (stage === undefined || stages.has(stage)),
          ) ?? [];
        if (id === undefined || version === undefined) {
          throw notFound(
            `secret value for ${stage === undefined ? `VersionId: ${input.VersionId}` : `staging label: ${stage}`}`,
          );
        }
        return {
          ARN: secret.arn,
          Name: secret.name,
          VersionId: id,
          SecretString: version.value,
          VersionStages: [...version.stages],
          CreatedDate: new Date(version.created),
        };
      },
      PutSecretValue(input: SecretInput & ValueInput & { VersionStages?: string[] }) {
        const secret = findLiving(input);
        const id = putVersion(secret, input, input.VersionStages ?? [CURRENT]);
        return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: stagesOf(secret, id) };
      },
      UpdateSecretVersionStage(
        input: SecretInput & { VersionStage: string; RemoveFromVersionId?: string; MoveToVersionId?: string },
      ) {
        const secret = findLiving(input);
        const { VersionStage, RemoveFromVersionId, MoveToVersionId } = input;
        if (MoveToVersionId !== undefined && !secret.versions.has(MoveToVersionId)) {
          throw notFound(`secret version ${MoveToVersionId}`);
        }
        const holder = [...secret.versions.keys()].find((id) => stagesOf(secret, id).includes(VersionStage));
        if (holder !== undefined && holder !== MoveToVersionId && holder !== RemoveFromVersionId) {
          throw new AwsRefusal(
            'InvalidParameterException',
            `The parameter RemoveFromVersionId can't be empty. Staging label ${VersionStage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
          );
        }
        moveStage(secret, VersionStage, MoveToVersionId);
        return { ARN: secret.arn, Name: secret.name };
      },
      ListSecretVersionIds(input: SecretInput & { IncludeDeprecated?: boolean }) {
        const secret = find(input);
        const Versions = [...secret.versions]
          .filter(([, { stages }]) => stages.size > 0 || input.IncludeDeprecated)
          .map(([id, { created }]) => ({
            VersionId: id,
            VersionStages: stagesOf(secret, id),
            CreatedDate: new Date(created),
          }));
        return { ARN: secret.arn, Name: secret.name, Versions };
      },
      DeleteSecret(
        input: SecretInput & { RecoveryWindowInDays?: number; ForceDeleteWithoutRecovery?: boolean },
      ) {
        const secret = find(input);
        const at = clock.now();
        const gone = input.ForceDeleteWithoutRecovery
          ? at + forcedDeletion()
          : at + (input.RecoveryWindowInDays ?? 30) * DAY;
        secret.deletion = { at, gone };
        return { ARN: secret.arn, Name: secret.name, DeletionDate: new Date(gone) };
      },
      RestoreSecret(input: SecretInput) {
        const secret = find(input);
        secret.deletion = undefined;
        return { ARN: secret.arn, Name: secret.name };
      },
      TagResource(input: SecretInput & { Tags: Tag[] }) {
        addTags(findLiving(input).tags, input.Tags);
        return undefined;
      },
      UntagResource(input: SecretInput & { TagKeys: string[] }) {
        for (const key of input.TagKeys) findLiving(input).tags.delete(key);
        return undefined;
      },
    },
  };
}

/** Where a regional service runs. */
export interface Place {
  readonly account: string;
  readonly region: string;
  readonly clock: SandboxClock;
}
