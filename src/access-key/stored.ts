import type { IamContext } from '../iam/context.ts';
import type { KeyPair, SecretInfo, SecretsPort, SecretVersion } from '../clients/aws/port.ts';
import { oncePerContext } from '../core/once.ts';
import { type SecretNames, secretNames } from '../iam/names.ts';

/** The three secrets, in display order. */
export const secretParts = ['id', 'secret', 'region'] as const;
export type SecretPart = (typeof secretParts)[number];

/** The description of each secret; undefined when it does not exist or the caller may not read it. */
export type StoredSecrets = Readonly<Record<SecretPart, SecretInfo | undefined>>;

/** A pair from one version of all three secrets, or from their current values if these come from different writes. */
export interface StoredPair {
  readonly pair: KeyPair;
  /** The common version ID; undefined when the values come from different writes, or the region is wrong. */
  readonly version: string | undefined;
  /** All three are AWSCURRENT. */
  readonly isCurrent: boolean;
  /** At least one is AWSPENDING. */
  readonly isPending: boolean;
}

export const describeStored = oncePerContext(
  async ({ aws: { secrets }, config }: IamContext): Promise<StoredSecrets> => {
    const names = secretNames(config);
    const [id, secret, region] = await Promise.all(secretParts.map((part) => secrets.describe(names[part])));
    return { id, secret, region };
  },
);

/** The customer managed KMS keys that encrypt the secrets now. */
export async function kmsKeysInUse(ctx: IamContext): Promise<string[]> {
  const stored = Object.values(await describeStored(ctx));
  return [...new Set(stored.flatMap((info) => info?.kmsKeyId ?? []))];
}

/** The ID of the version that has the stage. */
export function holderOf(info: SecretInfo | undefined, stage: string): string | undefined {
  return info?.versions.find(({ stages }) => stages.includes(stage))?.id;
}

/**
 * The pairs that the secrets hold, the most likely first: current, pending, other complete versions with a stage, and the
 * current values if they are not of one version.
 */
export async function readPairs(
  secrets: SecretsPort,
  names: SecretNames,
  stored: StoredSecrets,
  region: string,
): Promise<StoredPair[]> {
  const complete = await Promise.all(
    completeVersions(stored).map(async (version): Promise<StoredPair | undefined> => {
      const values = await readValues(secrets, names, () => ({ id: version }));
      return (
        values && {
          ...stagesOf(stored, version),
          pair: values.pair,
          version: values.region === region ? version : undefined,
        }
      );
    }),
  );
  const pairs = complete.filter((pair) => pair !== undefined);
  if (pairs.some(({ isCurrent }) => isCurrent)) return pairs;
  const loose = await readValues(secrets, names, (part) =>
    holderOf(stored[part], 'AWSCURRENT') ? { stage: 'AWSCURRENT' } : undefined,
  );
  return loose
    ? [...pairs, { pair: loose.pair, version: undefined, isCurrent: false, isPending: false }]
    : pairs;
}

/** IDs of versions that all three secrets have, and that have a stage in any of them. */
function completeVersions(stored: StoredSecrets): string[] {
  const staged = secretParts.flatMap(
    (part) => stored[part]?.versions.filter(({ stages }) => stages.length > 0) ?? [],
  );
  const inAll = [...new Set(staged.map(({ id }) => id))].filter((id) =>
    secretParts.every((part) => stored[part]?.versions.some((version) => version.id === id)),
  );
  return inAll.sort((a, b) => rank(stored, a) - rank(stored, b));
}

function rank(stored: StoredSecrets, version: string): number {
  const { isCurrent, isPending } = stagesOf(stored, version);
  if (isCurrent) return 0;
  return isPending ? 1 : 2;
}

function stagesOf(stored: StoredSecrets, version: string): { isCurrent: boolean; isPending: boolean } {
  const isHolder = (stage: string) => (part: SecretPart) => holderOf(stored[part], stage) === version;
  return {
    isCurrent: secretParts.every(isHolder('AWSCURRENT')),
    isPending: secretParts.some(isHolder('AWSPENDING')),
  };
}

type Which = { id: string } | { stage: string } | undefined;

async function readValues(
  secrets: SecretsPort,
  names: SecretNames,
  which: (part: SecretPart) => Which,
): Promise<{ pair: KeyPair; region: string } | undefined> {
  const read = async (part: SecretPart) => {
    const version = which(part);
    return version && secrets.value(names[part], version);
  };
  const [id, secretAccessKey, region] = await Promise.all(secretParts.map(read));
  if (!id || !secretAccessKey) return undefined;
  return { pair: { accessKeyId: id.reveal(), secretAccessKey }, region: region?.reveal() ?? '' };
}

/**
 * The key IDs in the versions that all three secrets have, including deprecated ones. Only ecr-bootstrap writes three
 * secrets with one version ID, so these keys are managed. A value that was written by hand shows nothing.
 */
export async function storedIds(
  secrets: SecretsPort,
  names: SecretNames,
  stored: StoredSecrets,
): Promise<Set<string>> {
  const values = await Promise.all(commonVersions(stored).map(({ id }) => secrets.value(names.id, { id })));
  return new Set(values.flatMap((value) => (value ? [value.reveal()] : [])));
}

/** A secret that is scheduled for deletion shows no versions, so only the other secrets count. */
const commonVersions = (stored: StoredSecrets): SecretVersion[] =>
  (stored.id?.versions ?? []).filter(({ id }) =>
    secretParts.every(
      (part) => stored[part]?.deleted || stored[part]?.versions.some((version) => version.id === id),
    ),
  );
