import { AwsRefusal } from '../ports.ts';

export const noSuchEntity = (what: string) => new AwsRefusal('NoSuchEntity', `${what} cannot be found.`, 404);
export const alreadyExists = (what: string) =>
  new AwsRefusal('EntityAlreadyExists', `${what} already exists.`, 409);
export const deleteConflict = (why: string) =>
  new AwsRefusal('DeleteConflict', `Cannot delete entity, ${why}.`, 409);
export const limitExceeded = (what: string) =>
  new AwsRefusal('LimitExceeded', `Cannot exceed quota for ${what}`, 409);
