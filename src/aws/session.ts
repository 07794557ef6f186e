import type { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { unlessAborted } from '../abort.ts';
import { BootstrapError } from '../errors/index.ts';
import type { Net } from '../net/index.ts';
import { explain } from './failure.ts';
import { NetHandler } from './handler.ts';
import { ownVersion } from '../places.ts';
import { Secret } from '../secret.ts';
import type { KeyPair } from './port.ts';

export interface AwsOptions {
  readonly region: string;
  /** Of the AWS configuration files; undefined for the SDK's own choice. */
  readonly profile?: string | undefined;
  readonly net: Net;
}

type CredentialProvider = ReturnType<typeof fromNodeProviderChain>;

/** Sends one request and turns what goes wrong into a BootstrapError. */
export type Call = <T>(action: string, what: string, send: () => Promise<T>) => Promise<T>;

/** What the services' adapters share: one caller, one region, one way out. */
export interface Session {
  readonly options: AwsOptions;
  readonly call: Call;
  /** For the constructor of each service's client. */
  readonly settings: ReturnType<typeof clientSettings>;
}

/** Takes the SDK's log and warnings, of which the user must see nothing. */
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** @param pair a key to use in place of the SDK's chain of credential providers */
export function createSession(options: AwsOptions, pair?: KeyPair): Session {
  // Read when a client is made: the SDK otherwise prints a warning about versions of Node that it will drop.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const handler = new NetHandler(options.net);
  let accepted = false;
  return {
    options,
    settings: clientSettings(options, handler, pair),
    call: async (action, what, send) => {
      try {
        const answer = await send();
        accepted = true;
        return answer;
      } catch (error) {
        throw explain(
          error,
          { action, what },
          { region: options.region, profile: options.profile, accepted, host: handler.hostOf(error) },
        );
      }
    },
  };
}

function clientSettings(options: AwsOptions, handler: NetHandler, pair: KeyPair | undefined) {
  const { region, profile } = options;
  return {
    region,
    ...(profile ? { profile } : {}),
    requestHandler: handler,
    customUserAgent: [['ecr-bootstrap', ownVersion()]] as [string, string][],
    logger: quiet,
    credentials: pair
      ? { accessKeyId: pair.accessKeyId, secretAccessKey: pair.secretAccessKey.reveal() }
      : defaultChain(options, handler),
  };
}

/** Milliseconds for credentials; a credential_process may ask its user to log in elsewhere. */
const credentialsTimeoutMs = 60_000;

const noCredentialsInTime = (profile: string | undefined): BootstrapError =>
  new BootstrapError({
    code: 'credentials-missing',
    what: 'could not get AWS credentials',
    why: `the credential provider did not answer within ${credentialsTimeoutMs / 1000} s`,
    hint: `Check the provider with \`aws sts get-caller-identity${profile ? ` --profile ${profile}` : ''}\`.`,
  });

/** The SDK's chain: environment, profiles, SSO, process, container, instance. Its own requests take our way out too. */
function defaultChain({ region, profile, net }: AwsOptions, requestHandler: NetHandler): CredentialProvider {
  let chain: Promise<CredentialProvider> | undefined;
  const make = async (): Promise<CredentialProvider> => {
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    return fromNodeProviderChain({
      ...(profile ? { profile } : {}),
      logger: quiet,
      clientConfig: { region, requestHandler, logger: quiet },
    });
  };
  return async (identity) => {
    // The SDK sets no limit of its own for a credential_process.
    const timeout = AbortSignal.timeout(net.patience(credentialsTimeoutMs));
    const credentials = await unlessAborted(timeout, async () => (await (chain ??= make()))(identity)).catch(
      (error: unknown) => {
        throw timeout.aborted ? noCredentialsInTime(profile) : error;
      },
    );
    // A refusal may repeat what was sent; a Secret makes the redactor know it.
    for (const value of [credentials.secretAccessKey, credentials.sessionToken]) if (value) new Secret(value);
    return credentials;
  };
}

/** Collects all pages of a list. `fetch` gets the token of the page to fetch, undefined for the first. */
export async function allPages<T>(
  fetch: (
    token: string | undefined,
  ) => Promise<{ items: readonly T[] | undefined; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const { items = [], next } = await fetch(token);
    all.push(...items);
    token = next || undefined;
  } while (token);
  return all;
}

/** AWS's list of tags. */
export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function tagRecord(
  list: readonly { Key?: string | undefined; Value?: string | undefined }[] = [],
): Record<string, string> {
  return Object.fromEntries(list.map(({ Key = '', Value = '' }) => [Key, Value]));
}
