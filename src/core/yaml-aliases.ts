/** More than any valid file has. */
const maxAliases = { values: 500_000, depth: 200 };

/**
 * Checks values from untrusted YAML before other code traverses them. With aliases, a few lines can represent
 * billions of values, or a value that contains itself.
 * @throws Error
 */
export function refuseAliasBomb(value: unknown): void {
  const open = [{ value, depth: 0 }];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: at, depth } = next;
    values += 1;
    if (values + open.length > maxAliases.values || depth > maxAliases.depth)
      throw new Error('its aliases stand for too many values');
    if (typeof at !== 'object' || at === null) continue;
    for (const member of Object.values(at)) open.push({ value: member, depth: depth + 1 });
  }
}
