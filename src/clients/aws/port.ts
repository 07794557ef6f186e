import type { Digest } from '../registry/digest.ts';
import type { Secret } from '../../core/secret.ts';

/** An access key. The id is no secret (CloudTrail shows it); the other half is. */
/** `exists`: nothing was done. */
export type Creation = 'created' | 'exists';

export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

/** Who calls, as STS tells. */
export interface CallerIdentity {
  readonly arn: string;
  readonly accountId: string;
  /** `aws`, `aws-cn`, `aws-us-gov`: taken from the ARN. */
  readonly partition: string;
  readonly region: string;
}

export type Tags = Readonly<Record<string, string>>;

export interface User {
  readonly name: string;
  readonly arn: string;
  readonly path: string;
  readonly permissionsBoundary?: string;
  readonly tags: Tags;
}

/** A customer managed policy with the document of its default version. */
export interface ManagedPolicy {
  readonly arn: string;
  readonly defaultVersion: string;
  readonly document: unknown;
  readonly tags: Tags;
}

export interface AccessKey {
  readonly id: string;
  readonly active: boolean;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

/** Reads answer undefined for what does not exist. Every method throws BootstrapError `aws-denied` with the action's name, or another `aws-*` or `credentials-*`. */
export interface IamPort {
  user(name: string): Promise<User | undefined>;
  createUser(user: {
    name: string;
    path: string;
    permissionsBoundary?: string;
    tags: Tags;
  }): Promise<Creation>;
  deleteUser(name: string): Promise<void>;
  tagUser(name: string, tags: Tags): Promise<void>;
  untagUser(name: string, keys: readonly string[]): Promise<void>;
  setPermissionsBoundary(name: string, policyArn: string | undefined): Promise<void>;
  attachedPolicies(userName: string): Promise<readonly string[]>;
  inlinePolicies(userName: string): Promise<readonly string[]>;
  groups(userName: string): Promise<readonly string[]>;
  attachPolicy(userName: string, policyArn: string): Promise<void>;
  detachPolicy(userName: string, policyArn: string): Promise<void>;
  policy(arn: string): Promise<ManagedPolicy | undefined>;
  createPolicy(policy: {
    name: string;
    path: string;
    description: string;
    document: unknown;
    tags: Tags;
  }): Promise<Creation>;
  /** Makes a new default version; removes the oldest other one first when there are five. */
  updatePolicy(arn: string, document: unknown): Promise<void>;
  /** With all its versions. */
  deletePolicy(arn: string): Promise<void>;
  tagPolicy(arn: string, tags: Tags): Promise<void>;
  untagPolicy(arn: string, keys: readonly string[]): Promise<void>;
  accessKeys(userName: string): Promise<readonly AccessKey[]>;
  /** Never retried by itself: a repeated request would make a second key. */
  createAccessKey(userName: string): Promise<KeyPair>;
  /** Resolves also when there is no such key. */
  disableAccessKey(userName: string, id: string): Promise<void>;
  deleteAccessKey(userName: string, id: string): Promise<void>;
  /** Milliseconds since the epoch. */
  accessKeyLastUsed(id: string): Promise<number | undefined>;
}

export interface Repository {
  readonly name: string;
  readonly arn: string;
  /** `HOST/NAME` as ECR tells it. */
  readonly uri: string;
  readonly tagMutability: string;
  readonly scanOnPush: boolean;
  /** `AES256` or `KMS`. */
  readonly encryption: string;
  readonly kmsKey?: string;
}

/** One manifest that ECR holds. `manifest` is its exact text. */
export interface StoredManifest {
  readonly repository: string;
  readonly digest: Digest;
  readonly tag?: string;
  readonly mediaType: string;
  readonly manifest: string;
}

/** What a registry's token is and how long it lasts. */
export interface RegistryToken {
  readonly username: string;
  readonly password: Secret;
  /** Registry host with port if it has one, without scheme. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whether the registry takes a token; `why` is in the registry's words. */
export type TokenCheck = { readonly accepted: true } | { readonly accepted: false; readonly why: string };

/** What lets ECR create repositories whose names begin with a prefix. */
export interface CreationRule {
  readonly kind: 'pull through cache rule' | 'repository creation template';
  /** `ROOT` for all names that no other rule covers. */
  readonly prefix: string;
}

/** An image that ECR has and does not give. */
export interface UnreadableManifest {
  /** The tag or digest that was asked for. */
  readonly reference: string;
  /** ECR's name of the failure: `ImageInaccessible`. */
  readonly code: string;
  readonly reason: string;
}

export interface StoredManifests {
  readonly found: readonly StoredManifest[];
  readonly unreadable: readonly UnreadableManifest[];
}

export interface EcrPort {
  /** All repositories of the account's registry in this region, in pages of 1,000. */
  repositories(): Promise<readonly Repository[]>;
  createRepository(repository: {
    name: string;
    tags: Tags;
    tagMutability: string;
    scanOnPush?: boolean;
    encryption?: { type: string; kmsKey?: string };
  }): Promise<Creation>;
  /** With all its images. */
  deleteRepository(name: string): Promise<void>;
  tags(repositoryArn: string): Promise<Tags>;
  tag(repositoryArn: string, tags: Tags): Promise<void>;
  untag(repositoryArn: string, keys: readonly string[]): Promise<void>;
  setTagMutability(name: string, value: string): Promise<void>;
  setScanOnPush(name: string, value: boolean): Promise<void>;
  /** The policy's text. */
  lifecyclePolicy(name: string): Promise<string | undefined>;
  setLifecyclePolicy(name: string, text: string): Promise<void>;
  /** Manifests by tag or digest, in calls of 100; what is not there is left out, also when the repository is not. */
  manifests(repository: string, references: readonly string[]): Promise<StoredManifests>;
  /** The text of the repository's own policy. */
  repositoryPolicy(name: string): Promise<string | undefined>;
  creationRules(): Promise<readonly CreationRule[]>;
  /** A new token each time. */
  token(): Promise<RegistryToken>;
  /**
   * Proves a token by use: asks the registry for a manifest of `repository`, where "not found" is as good as found.
   * Throws only when the registry gives no such answer.
   */
  checkToken(token: RegistryToken, repository: string): Promise<TokenCheck>;
  /** The account's private registry in this region, as ECR names it in answers. */
  registryHost(): Promise<string>;
  /** Whether the account lets blobs be mounted between repositories; undefined when that cannot be told. */
  blobMounting(): Promise<boolean | undefined>;
}

export interface SecretVersion {
  readonly id: string;
  /** `AWSCURRENT`, `AWSPENDING`, `AWSPREVIOUS`, or none. */
  readonly stages: readonly string[];
}

export interface SecretInfo {
  readonly name: string;
  readonly arn: string;
  readonly tags: Tags;
  readonly kmsKeyId?: string;
  /** Scheduled for deletion: its name is blocked until it is restored. */
  readonly deleted: boolean;
  readonly versions: readonly SecretVersion[];
}

/** A secret in a list. Secrets Manager may take minutes to list a new one. */
export interface ListedSecret {
  readonly name: string;
  readonly tags: Tags;
}

/** `exists`: nothing was done, also when the caller may not see it; `deleted`: it is scheduled for deletion and holds the name. */
export type SecretCreation = Creation | 'deleted';

export interface SecretsPort {
  /** All secrets with a tag of that key, without those that are scheduled for deletion. */
  list(tagKey: string): Promise<readonly ListedSecret[]>;
  /** Undefined when absent, or when the caller may not tell absent from forbidden. */
  describe(name: string): Promise<SecretInfo | undefined>;
  /** Creates it without a value, or tells why the name is taken. */
  create(secret: {
    name: string;
    description: string;
    kmsKeyId?: string;
    tags: Tags;
  }): Promise<SecretCreation>;
  /** The text of the secret's own policy. */
  resourcePolicy(name: string): Promise<string | undefined>;
  restore(name: string): Promise<void>;
  /** Schedules it for deletion: for 30 days it can be restored. */
  delete(name: string): Promise<void>;
  tag(name: string, tags: Tags): Promise<void>;
  /** Resolves also when the secret is gone, or is scheduled for deletion, where AWS lets no tag be removed. */
  untag(name: string, keys: readonly string[]): Promise<void>;
  /** @param version a version id or a stage; default AWSCURRENT */
  value(name: string, version?: { id: string } | { stage: string }): Promise<Secret | undefined>;
  /** @param token ClientRequestToken, which becomes the version's id */
  put(name: string, value: Secret, version: { token: string; stages: readonly string[] }): Promise<void>;
  moveStage(name: string, stage: string, move: { to?: string; from?: string }): Promise<void>;
}

/** AWS as this product needs it: one caller, one region. */
export interface AwsPort {
  /** Memoised. */
  identity(): Promise<CallerIdentity>;
  readonly region: string;
  readonly iam: IamPort;
  readonly ecr: EcrPort;
  readonly secrets: SecretsPort;
  /** The same region, endpoints and proxy, with another key: to prove a key by use. */
  as(pair: KeyPair): AwsPort;
}
