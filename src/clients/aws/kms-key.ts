/** What a key is known by without its ARN: its ID, or `alias/NAME`. */
const nameOfKey = (key: string): string =>
  key.replace(/^arn:[^/]*:(?=key\/|alias\/)/, '').replace(/^key\//, '');

const isArn = (key: string): boolean => key.startsWith('arn:');
const isAlias = (key: string): boolean => nameOfKey(key).startsWith('alias/');

/**
 * Whether two spellings may name the same KMS key. AWS answers with an ARN whatever a key was given as, and does not
 * say which key an alias stands for, so an alias and an ID count as the same key.
 */
export function mayBeSameKey(one: string, other: string): boolean {
  if (isArn(one) && isArn(other) && isAlias(one) === isAlias(other)) return one === other;
  return isAlias(one) === isAlias(other) ? nameOfKey(one) === nameOfKey(other) : true;
}
