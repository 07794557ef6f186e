import type { AnyStep } from './context.ts';
import { imagePullerKey } from './image-puller-key.ts';
import { imagePuller, powerUser } from './users.ts';
import { imageWarnings } from './image-warnings.ts';
import { images } from './images.ts';
import { nodeAccess } from './node-access.ts';
import { operatorCrds } from './operator-crds.ts';
import { operatorImage } from './operator-image.ts';
import { operator } from './operator.ts';
import { pullSecretDistribution } from './pull-secret-distribution.ts';
import { pullSecretRefresh } from './pull-secret-refresh.ts';
import { pullSecretBootstrap } from './pull-secret-bootstrap.ts';
import { pullSecretWithdrawal } from './pull-secret-withdrawal.ts';
import { registration } from './registration.ts';
import { repositories } from './repositories.ts';
import { serviceAccountPolicy } from './service-account-policy.ts';
import { serviceAccounts } from './service-accounts.ts';

/**
 * All steps of `up`, in order. `status`, `render`, `policy cluster`, the flags `--only` and `--skip`, and their
 * help and completion use this list. To add a step, create its module and insert it after the steps on which it
 * depends.
 */
export const steps: readonly AnyStep[] = [
  // AWS: users, keys and repositories
  powerUser,
  imagePuller,
  repositories,
  operatorImage,
  imagePullerKey,
  // Cluster: a first pull secret, the operator that renews it, and a copy in every namespace
  pullSecretBootstrap,
  operatorCrds,
  operator,
  pullSecretRefresh,
  pullSecretDistribution,
  // Verifies the registration, which was written together with the key
  registration,
  // Lets every pod use the pull secret
  serviceAccounts,
  serviceAccountPolicy,
  // Late, because copying may take an hour and may be interrupted
  images,
  // Warns about images that are still missing
  imageWarnings,
  // Sends pulls to ECR, so the images must be there
  nodeAccess,
  // Only after these steps does neither a service account nor the agent list a pull secret with an earlier name
  pullSecretWithdrawal,
];
