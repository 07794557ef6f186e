import type { Digest } from '../registry/digest.ts';
import type { Secret } from '../../core/secret.ts';

/** `exists`: nothing was changed. */
export type Creation = 'created' | 'exists';

/** An access key. Its ID is not secret (CloudTrail shows it); the secret access key is. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

/** The caller, as reported by STS. */
export interface CallerIdentity {
  readonly arn: string;
  readonly accountId: string;
  /** The partition in the ARN: `aws`, `aws-cn` or `aws-us-gov`. */
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

/**
 * IAM. Reads return undefined for what does not exist. Every method throws BootstrapError `aws-denied` with the
 * action's name, or another `aws-*` or `credentials-*` error.
 */
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
  /** Creates a new default version. If there are already five versions, first deletes the oldest other one. */
  updatePolicy(arn: string, document: unknown): Promise<void>;
  /** Deletes the policy and all its versions. */
  deletePolicy(arn: string): Promise<void>;
  tagPolicy(arn: string, tags: Tags): Promise<void>;
  untagPolicy(arn: string, keys: readonly string[]): Promise<void>;
  accessKeys(userName: string): Promise<readonly AccessKey[]>;
  /** Never retried automatically: a repeated request would create a second key. */
  createAccessKey(userName: string): Promise<KeyPair>;
  /** Also resolves when the key does not exist. */
  disableAccessKey(userName: string, id: string): Promise<void>;
  deleteAccessKey(userName: string, id: string): Promise<void>;
  /**
   * The actions that a simulation of a principal's policies denies, for each of the resources. Undefined if the caller
   * may not simulate policies, or IAM does not know the principal.
   */
  deniedActions(question: SimulatedAccess): Promise<readonly string[] | undefined>;
  /** Milliseconds since the epoch. */
  accessKeyLastUsed(id: string): Promise<number | undefined>;
}

/** A question of iam:SimulatePrincipalPolicy. */
export interface SimulatedAccess {
  /** The ARN of a user or role. */
  readonly principal: string;
  readonly actions: readonly string[];
  /** ARNs, or `*`. */
  readonly resources: readonly string[];
  /** The condition keys of the requests, with their values. */
  readonly context: readonly (readonly [key: string, values: readonly string[]])[];
}

export interface Repository {
  readonly name: string;
  readonly arn: string;
  /** `HOST/NAME`, as reported by ECR. */
  readonly uri: string;
  readonly tagMutability: string;
  readonly scanOnPush: boolean;
  /** `AES256` or `KMS`. */
  readonly encryption: string;
  readonly kmsKey?: string;
}

/** One manifest in ECR. `manifest` is its exact text. */
export interface StoredManifest {
  readonly repository: string;
  readonly digest: Digest;
  readonly tag?: string;
  readonly mediaType: string;
  readonly manifest: string;
}

/** A token for a registry, with its expiry. */
export interface RegistryToken {
  readonly username: string;
  readonly password: Secret;
  /** The registry's host, with its port if any, without a scheme. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whether the registry accepts a token. `why` is the registry's own message. */
export type TokenCheck = { readonly accepted: true } | { readonly accepted: false; readonly why: string };

/** A rule by which ECR itself creates repositories whose names begin with a prefix. */
export interface CreationRule {
  readonly kind: 'pull through cache rule' | 'repository creation template';
  /** `ROOT` for all names that no other rule covers. */
  readonly prefix: string;
}

/** An image that ECR has and does not return. */
export interface UnreadableManifest {
  /** The requested tag or digest. */
  readonly reference: string;
  /** ECR's failure code: `ImageInaccessible`. */
  readonly code: string;
  readonly reason: string;
}

/** An image that can be pulled: one entry for each tag, or one without a tag. */
export interface ActiveImage {
  readonly digest: Digest;
  readonly tag?: string;
}

export interface StoredManifests {
  readonly found: readonly StoredManifest[];
  readonly unreadable: readonly UnreadableManifest[];
}

/** An image as ECR lists it, without its manifest. */
export interface ListedImage {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly mediaType: string;
  /** Bytes of the manifest and its blobs; of an index, those of its largest image. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  /** The image that this signature, SBOM or other artifact is about. */
  readonly subject?: Digest;
}

/** A tag, or an image with all its tags. With both, the tag only while it has that digest. */
export type ImageId =
  { readonly tag: string; readonly digest?: Digest } | { readonly tag?: string; readonly digest: Digest };

/** What ECR did not delete. */
export interface FailedDeletion {
  readonly id: ImageId;
  /** For example `ImageReferencedByManifestList`. */
  readonly code: string;
  readonly reason: string;
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
  /** Deletes the repository and all its images. */
  deleteRepository(name: string): Promise<void>;
  /** All images of a repository, archived ones too, in pages of 1,000. Empty if the repository does not exist. */
  images(repository: string): Promise<readonly ListedImage[]>;
  /** Deletes at most 100 tags or images in one call. The last tag of an image takes the image with it. */
  deleteImages(repository: string, ids: readonly ImageId[]): Promise<readonly FailedDeletion[]>;
  tags(repositoryArn: string): Promise<Tags>;
  tag(repositoryArn: string, tags: Tags): Promise<void>;
  untag(repositoryArn: string, keys: readonly string[]): Promise<void>;
  setTagMutability(name: string, value: string): Promise<void>;
  setScanOnPush(name: string, value: boolean): Promise<void>;
  /** The policy's text. */
  lifecyclePolicy(name: string): Promise<string | undefined>;
  setLifecyclePolicy(name: string, text: string): Promise<void>;
  /**
   * Manifests by tag or digest, 100 per call. Omits manifests that do not exist, also if the repository does not
   * exist.
   */
  manifests(repository: string, references: readonly string[]): Promise<StoredManifests>;
  /** All images of a repository that can be pulled, in pages of 1,000. None if it does not exist. */
  activeImages(repository: string): Promise<readonly ActiveImage[]>;
  /** The text of the repository's own policy. */
  repositoryPolicy(name: string): Promise<string | undefined>;
  creationRules(): Promise<readonly CreationRule[]>;
  /** A new token each time. */
  token(): Promise<RegistryToken>;
  /**
   * Verifies a token by use: requests a manifest of `repository`. The response "not found" also means that it is
   * accepted.
   * @throws only when the registry gives no definite answer
   */
  checkToken(token: RegistryToken, repository: string): Promise<TokenCheck>;
  /** The host of the account's private registry in this region, as reported by ECR. */
  registryHost(): Promise<string>;
  /** Whether the account allows mounting blobs from other repositories; undefined when unknown. */
  blobMounting(): Promise<boolean | undefined>;
  /** Allows mounting blobs from other repositories, for the whole registry. */
  enableBlobMounting(): Promise<void>;
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
  /** The secret is scheduled for deletion. Its name cannot be reused until it is restored. */
  readonly deleted: boolean;
  readonly versions: readonly SecretVersion[];
}

/** A secret in a list. Secrets Manager may take minutes to list a new one. */
export interface ListedSecret {
  readonly name: string;
  readonly tags: Tags;
}

/**
 * `exists`: nothing was changed; the caller may lack access to the secret. `deleted`: the secret is scheduled for
 * deletion and blocks the name.
 */
export type SecretCreation = Creation | 'deleted';

export interface SecretsPort {
  /** All secrets with a tag of that key, except those that are scheduled for deletion. */
  list(tagKey: string): Promise<readonly ListedSecret[]>;
  /** Undefined when absent, or when the caller lacks the permission to distinguish absent from forbidden. */
  describe(name: string): Promise<SecretInfo | undefined>;
  /** Creates the secret without a value, or returns why the name is taken. */
  create(secret: {
    name: string;
    description: string;
    kmsKeyId?: string;
    tags: Tags;
  }): Promise<SecretCreation>;
  /** The text of the secret's own policy. */
  resourcePolicy(name: string): Promise<string | undefined>;
  restore(name: string): Promise<void>;
  /** Schedules the secret for deletion. It can be restored for 30 days. */
  delete(name: string): Promise<void>;
  tag(name: string, tags: Tags): Promise<void>;
  /** Also resolves when the secret is absent or scheduled for deletion: AWS does not allow removing tags from it. */
  untag(name: string, keys: readonly string[]): Promise<void>;
  /** @param version a version ID or a stage; default AWSCURRENT */
  value(name: string, version?: { id: string } | { stage: string }): Promise<Secret | undefined>;
  /** @param token ClientRequestToken, which becomes the version's ID */
  put(name: string, value: Secret, version: { token: string; stages: readonly string[] }): Promise<void>;
  moveStage(name: string, stage: string, move: { to?: string; from?: string }): Promise<void>;
}

/** AWS, as far as this program uses it: one caller, one region. */
export interface AwsPort {
  /** Memoised. */
  identity(): Promise<CallerIdentity>;
  readonly region: string;
  readonly iam: IamPort;
  readonly ecr: EcrPort;
  readonly secrets: SecretsPort;
  /** The same region, endpoints and proxy with another access key, to verify that key by use. */
  as(pair: KeyPair): AwsPort;
}
