import type { Net } from '../net/index.ts';
import { type AskMfaCode, credentialProvider } from './credentials.ts';
import { explain } from './errors.ts';
import { NetHandler } from './handler.ts';
import { ownVersion } from '../../core/paths.ts';
import type { KeyPair } from './port.ts';

export interface AwsOptions {
  readonly region: string;
  /** A profile of the AWS configuration files. Undefined for the SDK's own choice. */
  readonly profile?: string | undefined;
  readonly net: Net;
  readonly askMfaCode?: AskMfaCode | undefined;
}

/** Sends one request and converts errors to BootstrapErrors. */
export type CallAws = <T>(action: string, what: string, send: () => Promise<T>) => Promise<T>;

/** Shared by the adapters of all services: one caller, one region, one network. */
export interface AwsSession {
  readonly options: AwsOptions;
  readonly call: CallAws;
  /** For the constructor of each service's client. */
  readonly settings: ReturnType<typeof clientSettings>;
}

/** Discards the SDK's log and warnings. */
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** @param pair an access key that replaces the credentials of the environment and the profile */
export function createSession(options: AwsOptions, pair?: KeyPair): AwsSession {
  // The SDK reads this when it creates a client. Otherwise, it warns about Node versions that it will stop
  // supporting.
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
          { region: options.region, profile: options.profile, accepted },
        );
      }
    },
  };
}

function clientSettings(options: AwsOptions, handler: NetHandler, pair: KeyPair | undefined) {
  const { region, profile, net, askMfaCode } = options;
  return {
    region,
    ...(profile ? { profile } : {}),
    requestHandler: handler,
    customUserAgent: [['ecr-bootstrap', ownVersion()]] as [string, string][],
    logger: quiet,
    credentials: pair
      ? { accessKeyId: pair.accessKeyId, secretAccessKey: pair.secretAccessKey.reveal() }
      : credentialProvider({ profile, askMfaCode, net, requestHandler: handler, logger: quiet }),
  };
}

/** Collects all pages of a list. `fetch` receives the token of the page, or undefined for the first page. */
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

/** Tags in AWS's list format. */
export function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function tagRecord(
  list: readonly { Key?: string | undefined; Value?: string | undefined }[] = [],
): Record<string, string> {
  return Object.fromEntries(list.map(({ Key = '', Value = '' }) => [Key, Value]));
}
