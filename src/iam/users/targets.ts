import type { Target } from '../../core/target.ts';

export const userTarget = (name: string): Target => ({ kind: 'IAM user', name });

export const policyTarget = (name: string): Target => ({ kind: 'IAM policy', name });

/** @param policyArn of the policy that is attached */
export const attachmentTarget = (userName: string, policyArn: string): Target => ({
  kind: 'IAM policy attachment',
  name: `${userName}/${policyArn.split('/').at(-1)}`,
});

/** @param name of the user for a key that is to be made, else the key's id */
export const keyTarget = (name: string): Target => ({ kind: 'IAM access key', name });
