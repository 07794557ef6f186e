import { allow, type Statement } from './document.ts';
import type { Account } from './names.ts';

/** Use of a customer's key through one service only. Without a key of the customer AWS asks for no permission. */
export function useOfKey(
  sid: string,
  key: string | undefined,
  actions: readonly string[],
  service: 'secretsmanager' | 'ecr',
  account: Account,
): Statement | undefined {
  if (!key) return undefined;
  const suffix = account.partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const through = { StringEquals: { 'kms:ViaService': [`${service}.${account.region}.${suffix}`] } };
  const { resource, condition } = keyResource(key, account);
  return allow(sid, 'kms', actions, [resource], { ...through, ...condition });
}

/** A policy cannot name an alias as its resource; a condition can. */
function keyResource(
  key: string,
  { partition, region, accountId }: Account,
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
