import { partitionOf } from '../../clients/aws/partitions.ts';
import type { Config } from '../../config/schema.ts';
import type { PolicyDocument } from './document.ts';
import { firstRunPolicy } from './first-run.ts';
import { imagePullerPolicy } from './image-puller.ts';
import type { AwsAccount } from '../names.ts';
import { powerUserPolicy } from './power-user.ts';

const policies = {
  'first-run': firstRunPolicy,
  'power-user': powerUserPolicy,
  'image-puller': imagePullerPolicy,
} as const;

export type PolicyName = keyof typeof policies;

/**
 * One of the IAM documents, from the same source for the steps and for who prints it.
 * @param keysInUse keys of KMS with which the secrets are encrypted now, besides the configured one
 */
export function policyDocument(
  name: PolicyName,
  config: Config,
  account: AwsAccount = unseenAccount(config),
  keysInUse: readonly string[] = [],
): PolicyDocument {
  return policies[name](config, account, keysInUse);
}

/** Stands for the account's id in documents that are printed without asking AWS. */
export const accountPlaceholder = 'ACCOUNT_ID';

/** The account as far as the configuration tells, for documents that are printed without asking AWS. */
function unseenAccount({ aws: { region, accountId = accountPlaceholder } }: Config): AwsAccount {
  return { region, accountId, partition: partitionOf(region).id };
}
