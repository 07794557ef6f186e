import type { IamContext } from '../iam/context.ts';
import type { KeyPair, SecretInfo, SecretsPort, SecretVersion } from '../clients/aws/port.ts';
import { oncePerContext } from '../core/once.ts';
import { type SecretNames, secretNames } from '../iam/names.ts';

/** The three secrets, in the order in which they are shown. */
export const secretParts = ['id', 'secret', 'region'] as const;
export type SecretPart = (typeof secretParts)[number];

/** What Secrets Manager tells of each; undefined is absent, or not to be seen by the caller. */
export type Stored = Readonly<Record<SecretPart, SecretInfo | undefined>>;

/** A pair as one version of all three secrets, or made of their current values where these are of different writes. */
export interface StoredPair {
  readonly pair: KeyPair;
  /** The version id that all three have; undefined when the values are of different writes, or the region is wrong. */
  readonly version: string | undefined;
  /** All three are AWSCURRENT. */
  readonly isCurrent: boolean;
  /** At least one is AWSPENDING. */
  readonly isPending: boolean;
}

export const describeStored = oncePerContext(
  async ({ aws: { secrets }, config }: IamContext): Promise<Stored> => {
    const names = secretNames(config);
    const [id, secret, region] = await Promise.all(secretParts.map((part) => secrets.describe(names[part])));
    return { id, secret, region };
  },
);

/** A customer's keys of KMS with which the secrets are encrypted now. */
export async function kmsKeysInUse(ctx: IamContext): Promise<string[]> {
  const stored = Object.values(await describeStored(ctx));
  return [...new Set(stored.flatMap((info) => info?.kmsKeyId ?? []))];
}

/** The version of a secret that bears a stage. */
export function holderOf(info: SecretInfo | undefined, stage: string): string | undefined {
  return info?.versions.find(({ stages }) => stages.includes(stage))?.id;
}

/**
 * The pairs that the secrets hold, the likeliest first: current, pending, other complete versions with a stage, and
 * the current values as they are when they are not of one version.
 */
export async function readPairs(
  secrets: SecretsPort,
  names: SecretNames,
  stored: Stored,
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

/** Versions with some stage that all three secrets have. */
function completeVersions(stored: Stored): string[] {
  const staged = secretParts.flatMap(
    (part) => stored[part]?.versions.filter(({ stages }) => stages.length > 0) ?? [],
  );
  const inAll = [...new Set(staged.map(({ id }) => id))].filter((id) =>
    secretParts.every((part) => stored[part]?.versions.some((version) => version.id === id)),
  );
  return inAll.sort((a, b) => rank(stored, a) - rank(stored, b));
}

function rank(stored: Stored, version: string): number {
  const { isCurrent, isPending } = stagesOf(stored, version);
  if (isCurrent) return 0;
  return isPending ? 1 : 2;
}

function stagesOf(stored: Stored, version: string): { isCurrent: boolean; isPending: boolean } {
  const bears = (stage: string) => (part: SecretPart) => holderOf(stored[part], stage) === version;
  return {
    isCurrent: secretParts.every(bears('AWSCURRENT')),
    isPending: secretParts.some(bears('AWSPENDING')),
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
 * The key ids in versions of the id secret that all three secrets have, the deprecated ones included: only we write
 * three secrets under one id, so those keys are ours. What somebody put there by hand proves nothing.
 */
export async function storedIds(
  secrets: SecretsPort,
  names: SecretNames,
  stored: Stored,
): Promise<Set<string>> {
  const values = await Promise.all(commonVersions(stored).map(({ id }) => secrets.value(names.id, { id })));
  return new Set(values.flatMap((value) => (value ? [value.reveal()] : [])));
}

/** A secret that is scheduled for deletion shows no versions, so the others decide. */
const commonVersions = (stored: Stored): SecretVersion[] =>
  (stored.id?.versions ?? []).filter(({ id }) =>
    secretParts.every(
      (part) => stored[part]?.deleted || stored[part]?.versions.some((version) => version.id === id),
    ),
  );
