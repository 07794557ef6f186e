import type { Faults } from '../faults.ts';
import { applyFault, type noResponse } from '../http.ts';
import { AwsRefusal } from '../ports.ts';
import {
  credentialKeys,
  invalidToken,
  type AccessKey,
  type Identities,
  type Tags,
  type User,
} from './identities.ts';
import type { RateLimits } from './rate-limits.ts';
import type { ReadLags, ServiceName } from './read-lag.ts';

export interface Caller {
  readonly user: User;
  readonly key: AccessKey;
}

/** Performs one action. Input and output are those of the AWS API, with `Date` objects for dates. */
export type Operation = (input: never, caller: Caller) => object | undefined;

/** The input fields that affect authorization, for any action. */
export interface CommonInput {
  readonly Tags?: readonly Tag[];
  readonly TagKeys?: readonly string[];
  readonly tags?: readonly Tag[];
  readonly tagKeys?: readonly string[];
}

export interface Tag {
  readonly Key: string;
  readonly Value?: string;
}

/** The resource of an action, for policies. */
export interface Target {
  readonly arn: string;
  readonly tags?: Tags | undefined;
  /** Condition keys of the service. */
  readonly keys?: Readonly<Record<string, string | undefined>>;
  /** Further permissions that the caller needs for this input, on other resources. */
  readonly alsoNeeds?: readonly Need[];
}

export interface Need {
  readonly action: string;
  /** ARN. */
  readonly resource: string;
}

export interface Service {
  readonly name: ServiceName;
  readonly operations: Readonly<Record<string, Operation>>;
  target(operation: string, input: never, caller: Caller): Target;
  /** The service with a copy of its current state, for later reads. Undefined if its reads never lag. */
  readonly snapshot?: () => Service;
}

/** The credentials of a request: the key that it names, and a check that the sender knows its secret. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly sessionToken?: string | undefined;
  verify(secretAccessKey: string): void;
}

const FAULTS = {
  throttle: () => new AwsRefusal('Throttling', 'Rate exceeded'),
  error: () =>
    new AwsRefusal('InternalFailure', 'The request processing has failed because of an unknown error', 500),
  deny: () =>
    new AwsRefusal('AccessDenied', 'User is not authorized to perform this action (planned fault)', 403),
};

const reading = /^(Get|List|Describe|BatchGet|BatchCheck|Simulate)/;

/** Input fields that name the resource of a request, for the log. */
const SUBJECTS = ['SecretId', 'Name', 'UserName', 'PolicyArn', 'PolicyName', 'repositoryName', 'resourceArn'];

/** Handles every AWS request: records it, applies faults, authenticates, limits its rate, authorizes and performs it. */
export class Gate {
  readonly identities: Identities;
  readonly faults: Faults;
  readonly limits: RateLimits;
  readonly lags: ReadLags<Service>;

  constructor(identities: Identities, faults: Faults, limits: RateLimits, lags: ReadLags<Service>) {
    this.identities = identities;
    this.faults = faults;
    this.limits = limits;
    this.lags = lags;
  }

  /** @throws {AwsRefusal} */
  async pass(
    service: Service,
    operation: string,
    input: object,
    from: Credentials,
  ): Promise<object | noResponse> {
    const named = SUBJECTS.map((field) => (input as Record<string, unknown>)[field]);
    const resource = named.find((value) => typeof value === 'string');
    const fault = this.faults.meet({
      service: service.name,
      operation,
      writes: !reading.test(operation),
      resource,
      caller: from.accessKeyId,
    });
    const refusal = (kind: keyof typeof FAULTS): never => {
      throw FAULTS[kind]();
    };
    return applyFault<object>(fault, refusal, () => this.#perform(service, operation, input, from));
  }

  #perform(service: Service, name: string, input: CommonInput, from: Credentials): object {
    const isRead = reading.test(name);
    const { [name]: operation } = (isRead ? this.lags.seenBy(service, name) : service).operations;
    const key = this.identities.workingKey(from.accessKeyId, from.sessionToken);
    from.verify(key.secret);
    if (service.name === 'iam' && key.isRefusedByIam) throw invalidToken();
    if (!operation) {
      throw new AwsRefusal('UnknownOperationException', `the sandbox knows no ${service.name}:${name}`, 404);
    }
    if (!this.limits.take(name)) throw FAULTS.throttle();
    const caller = { user: key.user, key };
    this.#authorise(service, name, input, caller);
    key.lastUsed = { at: this.identities.clock.now(), service: service.name };
    if (!isRead) this.lags.beforeWrite(service, name);
    const output = operation(input as never, caller) ?? {};
    if (service.name === 'iam' && !isRead) this.identities.settle();
    return output;
  }

  #authorise(service: Service, name: string, input: CommonInput, caller: Caller): void {
    // No policy can deny these.
    if (name === 'GetCallerIdentity' || name === 'GetSessionToken') return;
    const target = service.target(name, input as never, caller);
    const tags = input.Tags ?? input.tags ?? [];
    const tagKeys = input.TagKeys ?? input.tagKeys ?? tags.map(({ Key }) => Key);
    const keys = {
      ...target.keys,
      ...credentialKeys(caller.key),
      ...resourceTagKeys(target.tags),
      ...Object.fromEntries(tags.map(({ Key, Value = '' }) => [`aws:RequestTag/${Key}`, Value])),
      'aws:TagKeys': tagKeys.length > 0 ? tagKeys : undefined,
    };
    const actions = [`${service.name}:${name}`];
    if (name.startsWith('Create') && tags.length > 0) {
      actions.push(`${service.name}:${TAGGING[name] ?? 'TagResource'}`);
    }
    for (const action of actions) {
      this.identities.authorise(caller.user, { action, resource: target.arn, keys });
    }
    // A service calls another one for the caller. AWS does not document whether that counts as a request with temporary
    // credentials. The sandbox assumes that it does: then a policy that allows only access keys denies it.
    const forwarded = { ...keys, 'aws:TokenIssueTime': new Date(0).toISOString() };
    for (const need of target.alsoNeeds ?? []) {
      this.identities.authorise(caller.user, { ...need, keys: forwarded });
    }
  }
}

/** Creating a resource with tags also needs the permission to tag it. IAM has an action for each kind. */
const TAGGING: Record<string, string> = { CreateUser: 'TagUser', CreatePolicy: 'TagPolicy' };

/** The condition keys from the tags of a resource. */
export const resourceTagKeys = (tags: Tags | undefined) =>
  Object.fromEntries([...(tags ?? [])].map(([key, value]) => [`aws:ResourceTag/${key}`, value]));

export const tagList = (tags: Tags): Tag[] => [...tags].map(([Key, Value]) => ({ Key, Value }));

export function addTags(tags: Tags, added: readonly Tag[] = []): void {
  for (const { Key, Value } of added) tags.set(Key, Value ?? '');
}
