import type { KeyPair } from '../../clients/aws/port.ts';
import type { AccessKeyContext } from '../context.ts';
import { describeStored, holderOf, parts } from '../stored.ts';
import { secretNames } from '../../iam/names.ts';

/** The image-puller's key as Secrets Manager holds it. */
export type StoredPair =
  | { readonly state: 'whole'; readonly pair: KeyPair; readonly region: string }
  /** The three values are not of one write, so they may not belong together. */
  | { readonly state: 'torn' }
  | { readonly state: 'absent' };

/** The current pair. It is read by its version, so that a write in between cannot tear it. */
export async function readStoredPair(ctx: AccessKeyContext): Promise<StoredPair> {
  const { secrets } = ctx.aws;
  const names = secretNames(ctx.config);
  const stored = await describeStored(ctx);
  const versions = parts.map((part) =>
    stored[part]?.deleted ? undefined : holderOf(stored[part], 'AWSCURRENT'),
  );
  const [version] = versions;
  if (version === undefined || versions.includes(undefined)) return { state: 'absent' };
  if (versions.some((other) => other !== version)) return { state: 'torn' };
  const values = await Promise.all(parts.map((part) => secrets.value(names[part], { id: version })));
  const [id, secretAccessKey, region] = values;
  if (id === undefined || secretAccessKey === undefined || region === undefined) return { state: 'absent' };
  return { state: 'whole', pair: { accessKeyId: id.reveal(), secretAccessKey }, region: region.reveal() };
}
