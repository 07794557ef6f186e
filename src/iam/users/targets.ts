import type { Target } from '../../core/target.ts';

export const userTarget = (name: string): Target => ({ kind: 'IAM user', name });

export const policyTarget = (name: string): Target => ({ kind: 'IAM policy', name });

/** @param policyArn the ARN of the attached policy */
export const attachmentTarget = (userName: string, policyArn: string): Target => ({
  kind: 'IAM policy attachment',
  name: `${userName}/${policyArn.split('/').at(-1)}`,
});

/** @param name the user's name for a key to create, otherwise the key ID */
export const keyTarget = (name: string): Target => ({ kind: 'IAM access key', name });
