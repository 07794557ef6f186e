/** A key's name without the rest of its ARN: its ID, or `alias/NAME`. */
const nameOfKey = (key: string): string =>
  key.replace(/^arn:[^/]*:(?=key\/|alias\/)/, '').replace(/^key\//, '');

const isArn = (key: string): boolean => key.startsWith('arn:');
const isAlias = (key: string): boolean => nameOfKey(key).startsWith('alias/');

/**
 * Whether two names may refer to the same KMS key. AWS always returns an ARN, however the key was specified. It
 * does not reveal the key behind an alias, so an alias and an ID count as the same key.
 */
export function mayBeSameKey(one: string, other: string): boolean {
  if (isArn(one) && isArn(other) && isAlias(one) === isAlias(other)) return one === other;
  return isAlias(one) === isAlias(other) ? nameOfKey(one) === nameOfKey(other) : true;
}
