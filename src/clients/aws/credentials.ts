import type { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { unlessAborted } from '../../core/abort.ts';
import { BootstrapError, type ErrorParts, reasonOf } from '../../core/errors.ts';
import { connectionFailure } from '../net/errors.ts';
import type { Net } from '../net/index.ts';
import { redact } from '../../core/secret.ts';
import { isCallerRefused } from './errors.ts';
import type { NetHandler } from './handler.ts';
import { missingProfile, type Profile, readProfiles } from './profiles.ts';

type CredentialProvider = ReturnType<typeof fromNodeProviderChain>;
type Logger = NonNullable<NonNullable<Parameters<typeof fromNodeProviderChain>[0]>['logger']>;

/** Asks the user for the current code of an MFA device; undefined without a terminal. */
export type AskMfaCode = (serial: string) => Promise<string | undefined>;

export interface CredentialOptions {
  /** A profile of the AWS configuration files. Undefined for the one in AWS_PROFILE, or else the default profile. */
  readonly profile?: string | undefined;
  readonly askMfaCode?: AskMfaCode | undefined;
  readonly net: Net;
  /** Sends the requests that are needed to get credentials. */
  readonly requestHandler: NetHandler;
  readonly logger: Logger;
}

/**
 * Timeout in milliseconds. A credential_process may ask the user to log in elsewhere. The SDK has no timeout of
 * its own.
 */
const timeoutMs = 60_000;
/** The SDK renews credentials that expire within this time, in milliseconds. */
const renewalMs = 5 * 60_000;

/** One source of credentials. */
interface CredentialSource {
  /** Explains a failure, with what to do. */
  readonly explain: (thrown: unknown) => Explanation;
  readonly provide: CredentialProvider;
  /** The source prompts the user for a code, so it has no timeout. */
  readonly asks?: boolean;
}

type Explanation = Pick<ErrorParts, 'why' | 'hint'>;

/**
 * The credentials of the SDK's default chain, from the first source that applies: environment, profile, web
 * identity, container, instance. The chain itself continues when a source fails, and reports only that the last
 * source has none. The order is that of aws-sdk-js-v3, packages/credential-provider-node/src/defaultProvider.ts.
 */
export function credentialProvider(options: CredentialOptions): CredentialProvider {
  let provider: Promise<CredentialProvider> | undefined;
  const make = async (): Promise<CredentialProvider> => {
    const { memoize } = await import('@smithy/core/config');
    let identity: Parameters<CredentialProvider>[0];
    let refusal: BootstrapError | undefined;
    const memoized = memoize(
      async () => {
        // Each service requests credentials, but the user is prompted for a code only once.
        if (refusal) throw refusal;
        const source = await chooseSource(options);
        return resolveSource(source, options, identity).catch((error: unknown) => {
          if (source.asks && error instanceof BootstrapError) refusal = error;
          throw error;
        });
      },
      ({ expiration }) => expiration !== undefined && expiration.getTime() - Date.now() < renewalMs,
      ({ expiration }) => expiration !== undefined,
    );
    return (caller) => {
      identity = caller;
      return memoized();
    };
  };
  return async (identity) => (await (provider ??= make()))(identity);
}

async function resolveSource(
  source: CredentialSource,
  options: CredentialOptions,
  identity: Parameters<CredentialProvider>[0],
): ReturnType<CredentialProvider> {
  const timeout = AbortSignal.timeout(options.net.timeoutMs(timeoutMs));
  try {
    const credentials = await (source.asks
      ? source.provide(identity)
      : unlessAborted(timeout, () => source.provide(identity)));
    refuseSpaces(credentials);
    // An error of AWS may repeat what was sent, so it must be redacted.
    for (const value of [credentials.secretAccessKey, credentials.sessionToken]) if (value) redact(value);
    return credentials;
  } catch (error) {
    if (error instanceof BootstrapError || connectionFailure(error)) throw error;
    const late = new Error(`no answer within ${timeoutMs / 1000} s`);
    throw missing(source.explain(timeout.aborted && !source.asks ? late : error), error);
  }
}

/** Variables can contain line ends from Windows files. AWS would only report that the key pair is wrong. */
function refuseSpaces(credentials: Awaited<ReturnType<CredentialProvider>>): void {
  const parts = {
    accessKeyId: 'access key ID',
    secretAccessKey: 'secret access key',
    sessionToken: 'session token',
  } as const;
  for (const [key, name] of Object.entries(parts)) {
    if (!/\s/.test(credentials[key as keyof typeof parts] ?? '')) continue;
    throw missing({
      why: `the ${name} contains a space or a line break`,
      hint: 'Correct it where it is set. If a file sets environment variables, check that its lines do not end as on Windows.',
    });
  }
}

const missing = (parts: Explanation, cause?: unknown): BootstrapError =>
  new BootstrapError(
    { code: 'credentials-missing', what: 'could not get AWS credentials', ...parts },
    { cause },
  );

async function chooseSource(options: CredentialOptions): Promise<CredentialSource> {
  const sdk = await import('@aws-sdk/credential-providers');
  const { env } = process;
  const { requestHandler, logger } = options;
  // Without a region: SSO has its own, and for roles the SDK uses the region of the profile or of the caller.
  const clientConfig = { requestHandler, logger };
  const named = options.profile || env['AWS_PROFILE'] || undefined;
  const hasKey = env['AWS_ACCESS_KEY_ID'] && env['AWS_SECRET_ACCESS_KEY'];
  if (!named && hasKey) return { provide: sdk.fromEnv(), explain: isPlain('Check AWS_ACCESS_KEY_ID.') };
  const profiles = await readProfiles(env);
  const name = named ?? 'default';
  const profile = profiles.get(name);
  if (named && !profile) throw noSuchProfile(named, profiles);
  if (profile && hasSource(profile)) {
    const origin = originOf(name, profiles);
    if (!profiles.has(origin)) throw noSuchProfile(origin, profiles, name);
    return {
      asks: [...chainOf(name, profiles)].some((member) => profiles.get(member)?.['mfa_serial'] !== undefined),
      provide: sdk.fromIni({
        profile: name,
        clientConfig,
        logger,
        ignoreCache: true,
        mfaCodeProvider: (serial) => mfaCode(serial, name, profiles, options.askMfaCode),
      }),
      explain: (thrown) => explainProfile(thrown, name, origin, profiles),
    };
  }
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE'] && env['AWS_ROLE_ARN']) {
    return { provide: sdk.fromTokenFile({ clientConfig, logger }), explain: explainWebIdentity };
  }
  if (env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] || env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) {
    const hint = 'Check AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI.';
    return { provide: sdk.fromHttp({ logger }), explain: isPlain(hint) };
  }
  const isDisabled = (env['AWS_EC2_METADATA_DISABLED'] || 'false') !== 'false';
  return {
    provide: isDisabled ? () => Promise.reject(new Error('disabled')) : sdk.fromInstanceMetadata({ logger }),
    explain: () => noCredentials(name, profile),
  };
}

const isPlain =
  (hint: string) =>
  (thrown: unknown): Explanation => ({ why: reasonOf(thrown), hint });

/** Settings that define where a profile's credentials come from. */
const sourceSettings = [
  ...['aws_access_key_id', 'aws_secret_access_key', 'role_arn', 'source_profile', 'credential_source'],
  ...['credential_process', 'web_identity_token_file', 'login_session', 'sso_session', 'sso_start_url'],
  ...['sso_account_id', 'sso_role_name'],
];

const hasSource = (profile: Profile): boolean => sourceSettings.some((setting) => setting in profile);

/** The profile and the profiles that it gets its credentials through. */
function chainOf(name: string, profiles: ReadonlyMap<string, Profile>): Set<string> {
  const chain = new Set<string>();
  for (let at: string | undefined = name; at !== undefined && !chain.has(at);) {
    chain.add(at);
    at = profiles.get(at)?.['source_profile'];
  }
  return chain;
}

/** The profile at the end of the chain, which has credentials of its own. */
const originOf = (name: string, profiles: ReadonlyMap<string, Profile>): string =>
  [...chainOf(name, profiles)].at(-1) ?? name;

function noSuchProfile(name: string, profiles: ReadonlyMap<string, Profile>, from?: string): BootstrapError {
  const why = missingProfile(name, profiles, process.env) ?? '';
  return missing({
    why: from === undefined ? why : `profile ${from} gets its credentials from profile ${name}, and ${why}`,
    hint:
      from === undefined
        ? 'Choose an existing profile with --profile, AWS_PROFILE or aws.profile: `aws configure list-profiles` prints them.'
        : `Correct source_profile in profile ${from}, or add it: \`aws configure --profile ${name}\`.`,
  });
}

function noCredentials(name: string, profile: Profile | undefined): Explanation {
  const { env } = process;
  const [set, unset] = env['AWS_ACCESS_KEY_ID']
    ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
    : ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'];
  const inProfile = profile ? `profile ${name} has none` : `there is no profile ${name}`;
  const inEnvironment = env[set] ? `${set} is set without ${unset}` : 'the environment has no credentials';
  return {
    why: `${inEnvironment}, ${inProfile}, and this machine has no role`,
    hint: `Run \`aws configure sso${profile ? ` --profile ${name}` : ''}\` or \`aws configure${profile ? ` --profile ${name}` : ''}\`, or give --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
  };
}

function explainWebIdentity(thrown: unknown): Explanation {
  const file = process.env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? '';
  if (isNoFile(thrown)) {
    return {
      why: `there is no web identity token in ${file}`,
      hint: 'Correct AWS_WEB_IDENTITY_TOKEN_FILE, or unset it and AWS_ROLE_ARN to use other credentials.',
    };
  }
  return {
    why: reasonOf(thrown),
    hint: `Check the token in ${file}, and that the role of AWS_ROLE_ARN trusts its issuer.`,
  };
}

const isNoFile = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException).code === 'ENOENT';

/** @param origin the profile that has credentials of its own; the same as `name` if no role is involved */
function explainProfile(
  thrown: unknown,
  name: string,
  origin: string,
  profiles: ReadonlyMap<string, Profile>,
): Explanation {
  const profile = profiles.get(origin) ?? {};
  const check = `aws sts get-caller-identity --profile ${name}`;
  const reason = reasonOf(thrown);
  const error = thrown as Error;
  const twice = [...chainOf(name, profiles)].find((member) => {
    const { source_profile: source, credential_source: place } = profiles.get(member) ?? {};
    return source !== undefined && place !== undefined;
  });
  if (twice !== undefined) {
    return {
      why: `profile ${twice} sets source_profile and credential_source, and AWS accepts only one of them`,
      hint: `Remove one of them from profile ${twice}, then check: ${check}`,
    };
  }
  const isRoleRefused = error.name !== 'CredentialsProviderError' && name !== origin;
  if (/multi-?factor/i.test(error.message) && isRoleRefused) {
    return { why: reason, hint: 'Run the same command again, and enter the next code of the device.' };
  }
  if (isRoleRefused && isCallerRefused(thrown)) {
    return {
      why: `${error.name}: ${reason}`,
      hint: `Check the credentials of profile ${origin}: \`aws sts get-caller-identity --profile ${origin}\``,
    };
  }
  if (isRoleRefused) {
    const role = profiles.get(name)?.['role_arn'] ?? '';
    return {
      why: `${error.name}: ${reason}`,
      hint: `Have an administrator let profile ${origin} assume ${role}, then check: ${check}`,
    };
  }
  if (profile['credential_process'] !== undefined) {
    return {
      why: `credential_process of profile ${origin} failed: ${splitCommand(error, profile['credential_process'])}`,
      hint: `Fix what the process reports, or renew what it returns, then check: ${check}`,
    };
  }
  if (Object.keys(profile).some((setting) => setting.startsWith('sso_'))) {
    return /Forbidden|No access/i.test(reason)
      ? { why: reason, hint: `Check sso_account_id and sso_role_name of profile ${origin}: ${check}` }
      : { why: reason, hint: `Run \`aws sso login --profile ${origin}\`, then run the same command again.` };
  }
  if (profile['login_session'] !== undefined) {
    return { why: reason, hint: `Run \`aws login --profile ${origin}\`, then run the same command again.` };
  }
  const tokenFile = profile['web_identity_token_file'];
  if (tokenFile !== undefined) {
    const why = isNoFile(thrown) ? `there is no web identity token in ${tokenFile}` : reason;
    return { why, hint: `Correct web_identity_token_file of profile ${origin}, then check: ${check}` };
  }
  if (/could not resolve credentials/i.test(reason)) {
    return {
      why: `profile ${origin} sets no complete credentials, only ${Object.keys(profile).sort().join(', ')}`,
      hint: `Add what is missing: \`aws configure --profile ${origin}\`, or \`aws configure sso --profile ${origin}\`.`,
    };
  }
  return { why: reason, hint: `Correct profile ${name}, then check: ${check}` };
}

/** The standard error of a process. Node puts it after a line that repeats the command. */
function splitCommand({ message }: Error, command: string): string {
  const start = `Command failed: ${command}`;
  if (!message.startsWith(start)) return message.replace(/^Profile \S+ credential_process /, 'it ').trim();
  const text = message
    .slice(start.length)
    .trim()
    .replace(/\s*\n\s*/g, '; ');
  if (text === '') return 'it ended without a message';
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}

async function mfaCode(
  serial: string,
  name: string,
  profiles: ReadonlyMap<string, Profile>,
  ask: AskMfaCode | undefined,
): Promise<string> {
  const code = await ask?.(serial);
  if (code) return code;
  const member = [...chainOf(name, profiles)].find((one) => profiles.get(one)?.['mfa_serial'] === serial);
  const { role_arn: role = '', source_profile: source } = profiles.get(member ?? name) ?? {};
  const command = [
    `aws sts assume-role --role-arn ${role} --role-session-name ecr-bootstrap`,
    `--serial-number ${serial} --token-code CODE${source === undefined ? '' : ` --profile ${source}`}`,
  ].join(' ');
  throw missing({
    why:
      code === undefined
        ? `profile ${member ?? name} needs a code of the MFA device ${serial}, and there is no terminal to ask on`
        : `profile ${member ?? name} needs a code of the MFA device ${serial}, and none was given`,
    hint: `Run \`${command}\`, export what it prints as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and run the same command again without a profile.`,
  });
}
