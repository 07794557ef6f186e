import { capture } from '../process.ts';

/** Runs kubectl against the lab's cluster and gives what it printed. @throws Error with what it complained */
export async function kubectl(...args: string[]): Promise<string> {
  return capture('kubectl', args);
}

/** Applies objects as a person with a file would. */
export async function apply(...objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await capture('kubectl', ['apply', '-f', '-'], { input: JSON.stringify(list) });
}

/** Gives an object, or undefined where there is none. */
export async function get<T>(...args: string[]): Promise<T | undefined> {
  const found = await kubectl('get', '--ignore-not-found', '-o', 'json', ...args);
  return found === '' ? undefined : (JSON.parse(found) as T);
}
