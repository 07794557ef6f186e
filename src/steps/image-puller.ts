import { userStep } from './users.ts';

/** The user whose key lives in the cluster. */
export const imagePuller = userStep('imagePuller', 'IAM user for pulling images');
