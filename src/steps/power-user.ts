import { userStep } from './users.ts';

/** The user for people who mirror images later. It gets no access key from us: who works with it makes one. */
export const powerUser = userStep('powerUser', 'IAM user for mirroring images');
