import { homedir } from 'node:os';
import { join } from 'node:path';

/** The settings of one profile. */
export type Profile = Readonly<Record<string, string | undefined>>;

type Environment = Readonly<Record<string, string | undefined>>;

const homeOf = (env: Environment): string => env['HOME'] || homedir();

/** The paths of the AWS configuration files, by the AWS CLI's rules. */
const profileFiles = (env: Environment): { readonly config: string; readonly credentials: string } => ({
  config: env['AWS_CONFIG_FILE'] || join(homeOf(env), '.aws', 'config'),
  credentials: env['AWS_SHARED_CREDENTIALS_FILE'] || join(homeOf(env), '.aws', 'credentials'),
});

/**
 * The profiles of both files, by the SDK's own reader. For the SDK and the AWS CLI (botocore/session.py,
 * full_config), the credentials file takes precedence over the configuration file. Both treat an unreadable file
 * as empty.
 */
export async function readProfiles(env: Environment): Promise<ReadonlyMap<string, Profile>> {
  const { parseKnownFiles } = await import('@smithy/core/config');
  const { config, credentials } = profileFiles(env);
  const profiles = await parseKnownFiles({
    filepath: credentials,
    configFilepath: config,
    ignoreCache: true,
  });
  return new Map(Object.entries(profiles).filter(([name]) => !/^(sso-session|services)\./.test(name)));
}

/** The profile's region in the AWS configuration files, if any. */
export async function profileRegion(profile: string, env: Environment): Promise<string | undefined> {
  return (await readProfiles(env)).get(profile)?.['region'];
}

/** Explains that the AWS configuration files lack a profile. Undefined when they have it. */
export function missingProfile(
  name: string,
  profiles: ReadonlyMap<string, Profile>,
  env: Environment,
): string | undefined {
  if (profiles.has(name)) return undefined;
  const { config, credentials } = profileFiles(env);
  const known = [...profiles.keys()].sort().join(', ') || 'none';
  return `there is no profile ${name} in ${config} or ${credentials}; they have: ${known}`;
}
