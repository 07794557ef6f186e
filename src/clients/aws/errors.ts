import { BootstrapError, type ErrorParts, reasonOf } from '../../core/errors.ts';
import { causes, connectionFailure, NetworkError, type NetworkErrorKind } from '../net/errors.ts';
import { denialHint, deniedAction } from './denial.ts';
import type { Creation } from './port.ts';
import { knownRegions, nearestRegion } from './regions.ts';

/** One request to AWS, as named in errors. */
export interface AwsCall {
  /** The action's name in policies: `ecr:CreateRepository`. */
  readonly action: string;
  /** For people: `create repository myproject/nginx`. */
  readonly what: string;
}

/** What {@link explain} needs to know about the caller. */
export interface CallerState {
  readonly region: string;
  readonly profile: string | undefined;
  /** AWS has accepted the credentials during this run. */
  readonly accepted: boolean;
}

/** AWS's error code, without the suffix that the SDK adds for some services: `NoSuchEntity`. */
export function awsCode(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name.replace(/Exception$/, '') : '';
}

const expired = ['ExpiredToken', 'RequestExpired'];
const invalid = [
  ...['UnrecognizedClient', 'InvalidClientTokenId', 'InvalidSignature', 'SignatureDoesNotMatch'],
  ...['IncompleteSignature', 'MissingAuthenticationToken', 'AuthFailure', 'InvalidAccessKeyId'],
];
/** The clocks differ too much. The SDK corrects this once automatically. */
const skewed = ['RequestTimeTooSkewed', 'RequestInTheFuture'];
/** Whether AWS rejected the caller's credentials, and not the request itself. */
export const isCallerRefused = (thrown: unknown): boolean =>
  expired.includes(awsCode(thrown)) || invalid.includes(awsCode(thrown));

const denied = ['AccessDenied', 'UnauthorizedOperation', 'NotAuthorized'];
const throttled = [
  ...['Throttling', 'TooManyRequests', 'RequestLimitExceeded', 'ThrottledException', 'Throttled'],
  ...['ProvisionedThroughputExceeded', 'SlowDown', 'RequestThrottled'],
];

/**
 * Whether AWS rejected the access key ID itself. A wrong signature does not count: the key may work with the
 * right secret access key.
 */
export const isKeyUnknown = ({ cause }: BootstrapError): boolean =>
  ['UnrecognizedClient', 'InvalidClientTokenId', 'InvalidAccessKeyId'].includes(awsCode(cause));

/** Converts an error of the SDK to a BootstrapError. */
export function explain(thrown: unknown, operation: AwsCall, circumstances: CallerState): BootstrapError {
  for (const cause of causes(thrown)) {
    if (cause instanceof BootstrapError) return circumstances.accepted ? duringRun(cause) : cause;
  }
  const parts =
    credentialsFailure(thrown, circumstances) ??
    refusal(thrown, operation) ??
    networkFailure(thrown, circumstances) ??
    unexpectedFailure(thrown);
  return new BootstrapError({ what: `could not ${operation.what}`, ...parts }, { cause: thrown });
}

/** Credentials that cannot be renewed during a run existed when it began. */
function duringRun(error: BootstrapError): BootstrapError {
  if (error.code !== 'credentials-missing') return error;
  const { what, why, hint } = error;
  return new BootstrapError({ code: 'credentials-expired', what, why, hint }, { cause: error });
}

type Explanation = Omit<ErrorParts, 'what'>;

/** Explains that AWS rejects the credentials, from any source. */
function credentialsFailure(thrown: unknown, { profile, accepted }: CallerState): Explanation | undefined {
  const code = awsCode(thrown);
  const reason = reasonOf(thrown);
  if (skewed.includes(code) || /^Signature (expired|not yet current)/.test(reason)) {
    return {
      code: 'aws-failed',
      why: `${code}: ${reason}`,
      hint: "Set this computer's clock, which differs too much from the clock of AWS, then run the same command again.",
    };
  }
  const isExpired = expired.includes(code);
  if (!isExpired && !invalid.includes(code)) return undefined;
  const option = profile ? ` --profile ${profile}` : '';
  return {
    code: accepted ? 'credentials-expired' : 'credentials-missing',
    why: `${code}: ${reasonOf(thrown)}`,
    hint: isExpired
      ? `Renew the credentials, for example with \`aws sso login${option}\`, then run the same command again; it resumes where it stopped.`
      : `Check the credentials${profile ? ` of profile ${profile}` : ''}: \`aws sts get-caller-identity${option}\``,
  };
}

function refusal(thrown: unknown, { action }: AwsCall): Explanation | undefined {
  if (!denied.includes(awsCode(thrown))) return undefined;
  const message = reasonOf(thrown);
  const refused = deniedAction(message) ?? action;
  return {
    code: 'aws-denied',
    why: message.includes(refused) ? message : `${refused}: ${message}`,
    hint: denialHint(message, refused),
  };
}

/** How a request to a region that does not exist fails, directly or behind a proxy. */
const unknownNameKinds: readonly NetworkErrorKind[] = ['name-unknown', 'resolver-failed', 'proxy-refused'];

function networkFailure(thrown: unknown, { region }: CallerState): Explanation | undefined {
  const failure = connectionFailure(thrown);
  const reason = failure?.reason ?? answerNotFromAws(thrown);
  if (!reason) return undefined;
  const host = [...causes(thrown)].find((cause) => cause instanceof NetworkError)?.host;
  const why = host ? `${host}: ${reason}` : reason;
  const isUnknownName = failure && unknownNameKinds.includes(failure.kind);
  if (isUnknownName && !knownRegions.includes(region) && host?.includes(region)) {
    return {
      code: 'region-invalid',
      why,
      hint: `Correct --region or aws.region: ${region} is not a known region. Did you mean ${nearestRegion(region)}?`,
    };
  }
  return {
    code: 'aws-unreachable',
    why,
    hint: 'Check the network and DNS; behind a proxy set HTTPS_PROXY and NO_PROXY; check AWS_ENDPOINT_URL if it is set.',
    isTransient: true,
  };
}

interface ServiceFailure {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $fault?: string;
}

/**
 * Describes a response from something between this program and AWS: it has neither a request ID nor an error code
 * of AWS.
 */
function answerNotFromAws(thrown: unknown): string | undefined {
  const { $metadata: metadata = {}, $fault: fault } = thrown as ServiceFailure;
  const hasCode = fault !== undefined && !/^Unknown(Error)?$/.test(awsCode(thrown));
  if (hasCode || !metadata.httpStatusCode || metadata.requestId) return undefined;
  return `HTTP ${metadata.httpStatusCode} came from something that is not AWS`;
}

function unexpectedFailure(thrown: unknown): Explanation {
  const code = awsCode(thrown);
  const why = code && code !== 'Error' ? `${code}: ${reasonOf(thrown)}` : reasonOf(thrown);
  if (throttled.includes(code)) {
    return {
      code: 'aws-failed',
      why,
      hint: 'Wait a minute, then run the same command again; it resumes where it stopped. AWS asked to slow down.',
    };
  }
  if (((thrown as ServiceFailure).$metadata?.httpStatusCode ?? 0) >= 500) {
    return {
      code: 'aws-failed',
      why,
      hint: 'AWS returned a server error. Run the same command again in a few minutes; it resumes where it stopped.',
    };
  }
  if (code === 'RegionDisabled' || code === 'OptInRequired') {
    return {
      code: 'aws-failed',
      why,
      hint: 'Enable the region for the account, or choose another with --region. To list them: `aws account list-regions`',
    };
  }
  if (code === 'LimitExceeded') {
    return {
      code: 'aws-failed',
      why,
      hint: 'Delete resources that you no longer need, or request a higher quota in Service Quotas.',
    };
  }
  return {
    code: 'aws-failed',
    why,
    hint: 'Correct what AWS reports, then run the same command again; it resumes where it stopped.',
  };
}

/** Returns undefined if AWS reports with one of `codes` that the resource does not exist. */
export async function undefinedIfAbsent<T>(
  codes: readonly string[],
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof BootstrapError && codes.includes(awsCode(error.cause))) return undefined;
    throw error;
  }
}

/**
 * Returns `exists` if AWS reports with `code` that another run, or a request whose response was lost, took the
 * name.
 */
export async function createdOrExists(code: string, work: Promise<unknown>): Promise<Creation> {
  try {
    await work;
    return 'created';
  } catch (error) {
    if (error instanceof BootstrapError && awsCode(error.cause) === code) return 'exists';
    throw error;
  }
}
