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
 * One of the IAM policy documents. The steps and `ecr-bootstrap policy` share this source.
 * @param keysInUse KMS keys that encrypt the secrets now, in addition to the configured key
 */
export function policyDocument(
  name: PolicyName,
  config: Config,
  account: AwsAccount = placeholderAccount(config),
  keysInUse: readonly string[] = [],
): PolicyDocument {
  return policies[name](config, account, keysInUse);
}

/** Placeholder for the account ID in documents that are printed without a request to AWS. */
export const accountPlaceholder = 'ACCOUNT_ID';

/** The account according to the configuration, for documents that are printed without a request to AWS. */
function placeholderAccount({ aws: { region, accountId = accountPlaceholder } }: Config): AwsAccount {
  return { region, accountId, partition: partitionOf(region).id };
}
