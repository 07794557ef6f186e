import type { AnyStep } from './context.ts';
import { imagePullerKey } from './image-puller-key.ts';
import { imagePuller, powerUser } from './users.ts';
import { images } from './images.ts';
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
 * The product at a glance: what `up` brings about, in this order. `status`, `render`, `policy cluster`, the flags
 * `--only` and `--skip`, their help and completion all come from this list. To add a step, write its folder and put
 * it where its needs are met.
 */
export const steps: readonly AnyStep[] = [
  // AWS: who may push and pull, and where to
  powerUser,
  imagePuller,
  repositories,
  operatorImage,
  imagePullerKey,
  // The cluster: a first pull secret, the operator that renews it, a copy in every namespace
  pullSecretBootstrap,
  operatorCrds,
  operator,
  pullSecretRefresh,
  pullSecretDistribution,
  // Its registration was written with the key; now that is verified
  registration,
  // Every pod pulls with it
  serviceAccounts,
  serviceAccountPolicy,
  // Only now does nothing name it any more
  pullSecretWithdrawal,
  // Last, because it may take an hour and may be interrupted
  images,
];
