import type { AwsPort, KeyPair, SecretInfo, SecretsPort } from '../../aws/port.ts';
import type { SecretNames } from '../policies/names.ts';

/** The image-puller's key as Secrets Manager holds it. */
export type StoredPair =
  | { readonly state: 'whole'; readonly pair: KeyPair; readonly region: string }
  /** The three values are not of one write, so they may not belong together. */
  | { readonly state: 'torn' }
  | { readonly state: 'absent' };

export async function readStoredPair(
  { secrets }: AwsPort,
  { id, secret, region }: SecretNames,
): Promise<StoredPair> {
  const names = [id, secret, region];
  const versions = (await Promise.all(names.map((name) => secrets.describe(name)))).map(currentVersion);
  const [version] = versions;
  if (version === undefined || versions.includes(undefined)) return { state: 'absent' };
  if (versions.some((other) => other !== version)) return { state: 'torn' };
  return readVersion(secrets, names, version);
}

/** By version, so that a write in between cannot tear the pair. */
async function readVersion(
  secrets: SecretsPort,
  names: readonly string[],
  version: string,
): Promise<StoredPair> {
  const values = await Promise.all(names.map((name) => secrets.value(name, { id: version })));
  const [id, secretAccessKey, region] = values;
  if (id === undefined || secretAccessKey === undefined || region === undefined) return { state: 'absent' };
  return { state: 'whole', pair: { accessKeyId: id.reveal(), secretAccessKey }, region: region.reveal() };
}

const currentVersion = (info: SecretInfo | undefined): string | undefined =>
  info?.deleted === false ? info.versions.find(({ stages }) => stages.includes('AWSCURRENT'))?.id : undefined;
