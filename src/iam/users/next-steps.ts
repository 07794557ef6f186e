import { BootstrapError } from '../../core/errors.ts';
import type { IamContext } from '../context.ts';

/** `up` creates no access key for the user that pushes: only the person who uses the key should see it. */
export async function missingAccessKey({ aws, config }: IamContext): Promise<string[]> {
  const { name, manage } = config.users.powerUser;
  if (!manage) return [];
  try {
    if ((await aws.iam.accessKeys(name)).length > 0) return [];
  } catch (error) {
    // Credentials that may not list access keys cannot create one either.
    if (error instanceof BootstrapError && error.code === 'aws-denied') return [];
    throw error;
  }
  return [`${name} has no access key; to push as that user: aws iam create-access-key --user-name ${name}`];
}
