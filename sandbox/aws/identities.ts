import { randomBytes } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import { AwsRefusal } from '../ports.ts';
import { type Access, decide, type Decision, type Statement, statementsOf } from './policy.ts';

export type Tags = Map<string, string>;

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  readonly user: User;
  readonly created: number;
  /** Before this time, every service except IAM rejects the key as unknown. */
  readonly validFrom: number;
  /** Only temporary credentials have this field and the next one. */
  readonly sessionToken?: string;
  readonly expires?: number;
  /** Whether the credentials are from GetSessionToken without MFA: IAM refuses those. */
  readonly isRefusedByIam?: boolean;
  active: boolean;
  /** Until this time, every service except IAM still accepts the disabled or deleted key. */
  acceptedUntil?: number;
  lastUsed?: { readonly at: number; readonly service: string };
}

export interface User {
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly arn: string;
  readonly created: number;
  readonly tags: Tags;
  /** ARNs of attached policies. */
  readonly attached: Set<string>;
  /** Inline policies' documents by name. */
  readonly inline: Map<string, string>;
  readonly groups: Set<string>;
  boundary?: string | undefined;
}

export interface Policy {
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly arn: string;
  readonly created: number;
  readonly description: string | undefined;
  readonly tags: Tags;
  readonly versions: Map<string, { readonly document: string; readonly created: number }>;
  defaultVersion: string;
  lastVersion: number;
}

/** The permissions of a user from a point in time: changes to policies take effect with a delay. */
interface Permissions {
  readonly from: number;
  readonly allowed: readonly Statement[];
  readonly boundary: readonly Statement[] | undefined;
}

export const randomId = (prefix: string) =>
  prefix + [...randomBytes(16)].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join('');

/** The error of AWS for a request whose credentials it does not accept. */
export const invalidToken = (): AwsRefusal =>
  new AwsRefusal('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);

/** The condition keys from the credentials of a request. Only temporary credentials have a time of issue. */
export const credentialKeys = ({ created, sessionToken }: AccessKey): Access['keys'] => ({
  'aws:TokenIssueTime': sessionToken === undefined ? undefined : new Date(created).toISOString(),
});

/** The users, keys and policies of the account. Authorizes requests. */
export class Identities {
  readonly users = new Map<string, User>();
  readonly keys = new Map<string, AccessKey>();
  /** Every secret that was ever issued, for checks that no secret leaks. */
  readonly givenOut: string[] = [];
  /** By ARN. */
  readonly policies = new Map<string, Policy>();
  /** Policies that limit all users in addition to their own policies, by kind: `service control policy`. */
  readonly limits = new Map<string, string>();
  /** Milliseconds until a new key or policy takes effect. */
  lag = 0;
  /** Milliseconds for which a disabled or deleted key is still accepted. */
  revocationLag = 0;
  readonly account: string;
  readonly clock: SandboxClock;
  readonly #permissions = new WeakMap<User, Permissions[]>();
  /** Deleted keys by ID. They are still accepted during the revocation lag. */
  readonly #deleted = new Map<string, AccessKey>();

  constructor(account: string, clock: SandboxClock) {
    this.account = account;
    this.clock = clock;
    for (const [name, document] of Object.entries(MANAGED_POLICIES)) {
      this.addPolicy('aws', name, '/', JSON.stringify(document));
    }
  }

  /** A copy of the current users, keys and policies. */
  copy(): Identities {
    const copy = new Identities(this.account, this.clock);
    // One call, so that keys of the copy refer to users of the copy.
    const { users, keys, policies } = structuredClone({
      users: this.users,
      keys: this.keys,
      policies: this.policies,
    });
    for (const [name, user] of users) copy.users.set(name, user);
    for (const [id, key] of keys) copy.keys.set(id, key);
    for (const [arn, policy] of policies) copy.policies.set(arn, policy);
    return copy;
  }

  arn(kind: 'user' | 'policy', path: string, name: string, owner = this.account): string {
    return `arn:aws:iam::${owner}:${kind}${path}${name}`;
  }

  addUser(name: string, path = '/'): User {
    const user: User = {
      name,
      path,
      id: randomId('AIDA'),
      arn: this.arn('user', path, name),
      created: this.clock.now(),
      tags: new Map(),
      attached: new Set(),
      inline: new Map(),
      groups: new Set(),
    };
    this.users.set(name, user);
    return user;
  }

  addPolicy(owner: string, name: string, path: string, document: string, description?: string): Policy {
    const created = this.clock.now();
    const policy: Policy = {
      name,
      path,
      id: randomId('ANPA'),
      arn: this.arn('policy', path, name, owner),
      created,
      description,
      tags: new Map(),
      versions: new Map([['v1', { document, created }]]),
      defaultVersion: 'v1',
      lastVersion: 1,
    };
    this.policies.set(policy.arn, policy);
    return policy;
  }

  addKey(user: User, validFrom = this.clock.now() + this.lag): AccessKey {
    const secret = randomBytes(30).toString('base64');
    const created = this.clock.now();
    return this.#keep({ id: randomId('AKIA'), secret, user, created, validFrom, active: true });
  }

  /** Temporary credentials of a user. @param lifetime milliseconds of sandbox time */
  addSession(
    user: User,
    lifetime: number,
    limits: Pick<AccessKey, 'isRefusedByIam'> = {},
  ): AccessKey & { readonly sessionToken: string } {
    const secret = randomBytes(30).toString('base64');
    const created = this.clock.now();
    const sessionToken = randomBytes(64).toString('base64');
    const session = { id: randomId('ASIA'), secret, user, created, validFrom: created, active: true };
    return this.#keep({ ...session, ...limits, sessionToken, expires: created + lifetime });
  }

  #keep<Key extends AccessKey>(key: Key): Key {
    this.keys.set(key.id, key);
    this.givenOut.push(key.secret, ...(key.sessionToken === undefined ? [] : [key.sessionToken]));
    return key;
  }

  setActive(key: AccessKey, active: boolean): void {
    if (key.active && !active) key.acceptedUntil = this.clock.now() + this.revocationLag;
    key.active = active;
  }

  deleteKey(key: AccessKey): void {
    this.setActive(key, false);
    this.keys.delete(key.id);
    this.#deleted.set(key.id, key);
  }

  /**
   * Whether AWS accepts a key, and ECR accepts the tokens that were issued with it. Temporary credentials depend only on
   * the user, not on the access key that they were requested with.
   */
  isAccepted(key: AccessKey): boolean {
    const now = this.clock.now();
    if (key.validFrom > now) return false;
    if (key.sessionToken !== undefined && this.users.get(key.user.name) !== key.user) return false;
    const isEnabled = key.active && this.keys.get(key.id) === key;
    return isEnabled || now < (key.acceptedUntil ?? 0);
  }

  /**
   * The key of a request, if AWS accepts it now.
   * @throws {AwsRefusal} `InvalidClientTokenId`, `ExpiredToken`
   */
  workingKey(id: string, sessionToken?: string): AccessKey {
    const key = this.keys.get(id) ?? this.#deleted.get(id);
    if (!key || !this.isAccepted(key) || key.sessionToken !== sessionToken) {
      throw invalidToken();
    }
    if (key.expires !== undefined && key.expires <= this.clock.now()) {
      throw new AwsRefusal('ExpiredToken', 'The security token included in the request is expired', 403);
    }
    return key;
  }

  /** Call it after each change of users or policies. */
  settle(): void {
    const now = this.clock.now();
    const from = now + this.lag;
    for (const user of this.users.values()) {
      const documents = [...user.inline.values(), ...[...user.attached].map((arn) => this.#document(arn))];
      const allowed = documents.flatMap(statementsOf);
      const boundary = user.boundary === undefined ? undefined : statementsOf(this.#document(user.boundary));
      const history = this.#permissions.get(user) ?? [];
      const inForce = Math.max(
        0,
        history.findLastIndex((one) => one.from <= now),
      );
      this.#permissions.set(user, [...history.slice(inForce), { from, allowed, boundary }]);
    }
  }

  /** Whether all policies together allow an access now. */
  allows(user: User, access: Access): Decision {
    const decisions = this.#decisions(user, access).map(({ decision }) => decision);
    return (
      decisions.find((each) => each === 'denied explicitly') ??
      decisions.find((each) => each !== 'allowed') ??
      'allowed'
    );
  }

  /** @throws {AwsRefusal} `AccessDenied` with the message of AWS, which names the missing action */
  authorise(user: User, access: Access): void {
    const decisions = this.#decisions(user, access);
    const denying = decisions.find(({ decision }) => decision === 'denied explicitly');
    const silent = decisions.find(({ decision }) => decision === 'not allowed');
    if (!denying && !silent) return;
    const because = denying
      ? `with an explicit deny in ${/^[aeiou]/.test(denying.kind) ? 'an' : 'a'} ${denying.kind}`
      : `because no ${silent?.kind ?? ''} allows the ${access.action} action`;
    const what = `perform: ${access.action} on resource: ${access.resource}`;
    throw new AwsRefusal('AccessDenied', `User: ${user.arn} is not authorized to ${what} ${because}`, 403);
  }

  /** The decision of each policy that applies to a user. */
  #decisions(user: User, access: Access): { readonly kind: string; readonly decision: Decision }[] {
    const now = this.clock.now();
    const { allowed, boundary } = this.#permissions.get(user)?.findLast(({ from }) => from <= now) ?? {
      allowed: [],
      boundary: undefined,
    };
    const policies: [kind: string, statements: readonly Statement[]][] = [
      ...[...this.limits].map(([kind, document]): [string, Statement[]] => [kind, statementsOf(document)]),
      ...(boundary === undefined ? [] : ([['permissions boundary', boundary]] as [string, Statement[]][])),
      ['identity-based policy', allowed],
    ];
    return policies.map(([kind, statements]) => ({ kind, decision: decide(statements, access) }));
  }

  #document(arn: string): string {
    const policy = this.policies.get(arn);
    return policy?.versions.get(policy.defaultVersion)?.document ?? '{"Statement":[]}';
  }
}

const allow = (Action: string | string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});

const PULL = ['GetAuthorizationToken', 'BatchGetImage', 'GetDownloadUrlForLayer'];
const PUSH = ['InitiateLayerUpload', 'UploadLayerPart', 'CompleteLayerUpload', 'PutImage'];
const READ = [
  'BatchCheckLayerAvailability',
  'DescribeImages',
  'DescribeImageScanFindings',
  'DescribeRepositories',
  'GetLifecyclePolicy',
  'GetLifecyclePolicyPreview',
  'GetRepositoryPolicy',
  'ListImages',
  'ListTagsForResource',
];
const ecr = (...actions: string[]) => allow(actions.map((action) => `ecr:${action}`));

/** Policies managed by AWS that the product can meet, by name. */
const MANAGED_POLICIES = {
  AdministratorAccess: allow('*'),
  AmazonEC2ContainerRegistryPowerUser: ecr(...PULL, ...READ, ...PUSH),
  AmazonEC2ContainerRegistryPullOnly: ecr(...PULL, 'BatchImportUpstreamImage'),
};
