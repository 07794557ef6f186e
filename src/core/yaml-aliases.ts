/** More than any valid file without aliases has. */
const maxAliases = { values: 500_000, depth: 200 };

/**
 * Checks values from untrusted YAML before other code traverses them. With aliases, a few lines can represent
 * billions of values, or a value that contains itself.
 * @param length of the text: without aliases, it has fewer values than characters
 * @throws Error
 */
export function refuseAliasBomb(value: unknown, length = 0): void {
  const maxValues = Math.max(maxAliases.values, length);
  const open = [{ value, depth: 0 }];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: at, depth } = next;
    values += 1;
    if (values + open.length > maxValues || depth > maxAliases.depth)
      throw new Error('its aliases stand for too many values');
    if (typeof at !== 'object' || at === null) continue;
    for (const member of Object.values(at)) open.push({ value: member, depth: depth + 1 });
  }
}
