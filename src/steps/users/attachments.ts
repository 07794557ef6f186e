import { isCreatedByUs } from '../tags.ts';
import type { SeenUser, WantedUser } from './state.ts';

/**
 * ARNs of the policies that this program attaches with one setting or another. What an adopted user had may include the
 * policy of AWS.
 */
export const ownAttachments = (
  { policy, managedPolicyArn, tags }: WantedUser,
  { user }: SeenUser,
): readonly string[] =>
  user && isCreatedByUs(user.tags, tags) ? [policy.arn, managedPolicyArn] : [policy.arn];
