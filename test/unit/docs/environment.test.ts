import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { otherVariables, settings } from '../../../src/config/settings.ts';

const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join('src', name), 'utf8'))
  .join('\n');

const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'];
/** Variables that the AWS SDK reads, not this program. */
const readBySdk = ['AWS_SESSION_TOKEN', 'AWS_ROLE_SESSION_NAME'];

it('the docs list exactly the environment variables that the program reads', () => {
  const read = [...source.matchAll(/\benv(?:\.|\[')([A-Z][A-Z0-9_]+)\b(?!'\] = )/g)].map(([, name]) => name);
  const known = [
    ...read,
    ...settings.flatMap(({ env, ambient }) => [env, ...ambient]),
    ...otherVariables,
    ...proxies,
    ...readBySdk,
  ];
  const page = readFileSync('docs/reference/environment.md', 'utf8');
  const listed = [...page.matchAll(/`([A-Z][A-Z0-9_]*[A-Z0-9])`/g)].map(([, name]) => name);
  expect([...new Set(listed)].sort()).toEqual([...new Set(known)].sort());
});
