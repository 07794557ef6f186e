import { partitionOf } from '../../clients/aws/partitions.ts';
import { allow, type Statement } from './document.ts';
import type { AwsAccount } from '../names.ts';

/** Allows the use of a customer managed key through one service only. AWS managed keys need no permission. */
export function useOfKey(
  sid: string,
  key: string | undefined,
  actions: readonly string[],
  service: 'secretsmanager' | 'ecr',
  account: AwsAccount,
): Statement | undefined {
  if (!key) return undefined;
  const { domain } = partitionOf(account.region);
  const through = { StringEquals: { 'kms:ViaService': [`${service}.${account.region}.${domain}`] } };
  const { resource, condition } = keyResource(key, account);
  return allow(sid, 'kms', actions, [resource], { ...through, ...condition });
}

/** Whether two settings name the same key: an ARN contains the key's ID or alias. */
const isSameKey = (one: string, other: string): boolean => keyName(one) === keyName(other);

/** The ID or alias, without the prefix of an ARN. */
const keyName = (key: string): string => key.replace(/^arn:[^/]*:(key\/)?/, '');

/**
 * One statement for the configured key, and one for each other key that still encrypts a secret. A changed setting does
 * not re-encrypt existing secrets, so the old keys are needed until an administrator re-encrypts them.
 */
export function useOfKeys(
  sid: string,
  configured: string | undefined,
  inUse: readonly string[],
  actions: readonly string[],
  account: AwsAccount,
): (Statement | undefined)[] {
  const others = inUse.filter((key) => configured === undefined || !isSameKey(key, configured));
  return [configured, ...others].map((key, index) =>
    useOfKey(index === 0 ? sid : `${sid}${index + 1}`, key, actions, 'secretsmanager', account),
  );
}

/** A policy cannot use an alias as its resource. A condition can. */
function keyResource(
  key: string,
  { partition, region, accountId }: AwsAccount,
): { resource: string; condition?: Statement['Condition'] } {
  const alias = /(?:^|:)(alias\/.+)$/.exec(key)?.[1];
  const keys = `arn:${partition}:kms:${region}:${accountId}:key`;
  if (alias) {
    return {
      resource: `${keys}/*`,
      condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': [alias] } },
    };
  }
  return { resource: key.startsWith('arn:') ? key : `${keys}/${key}` };
}
