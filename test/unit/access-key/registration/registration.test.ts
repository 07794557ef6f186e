import { expect, it } from 'vitest';
import type { AccessKeyContext } from '../../../../src/access-key/context.ts';
import {
  registrationHealth,
  type RegistrationState,
} from '../../../../src/access-key/registration/registration.ts';

const ctx = {
  config: { project: 'demo' },
  cluster: { info: () => Promise.resolve({ context: 'prod', server: '', version: 'v1.36.3' }) },
} as unknown as AccessKeyContext;

const fresh: RegistrationState = {
  id: 'c1',
  records: [],
  record: undefined,
  limit: undefined,
  keyId: undefined,
  isProjectSetUp: false,
  isFrozen: false,
  former: [],
};
const record = {
  id: 'c1',
  keyId: 'AKIA1',
  verification: 'first',
  name: 'prod',
  version: '0.2',
} as RegistrationState['record'];

it('reports that nothing is set up, which needs an administrator', async () => {
  expect(await registrationHealth(fresh, ctx)).toMatchObject([
    {
      code: 'not-set-up',
      target: { kind: 'cluster registration', name: 'c1' },
      what: 'cluster prod is not set up for project demo',
      hint: expect.stringContaining('as an administrator') as string,
    },
  ]);
});

it('reports that another cluster of the project is not set up', async () => {
  expect(await registrationHealth({ ...fresh, isProjectSetUp: true }, ctx)).toMatchObject([
    { code: 'not-set-up', hint: 'Run `ecr-bootstrap up`.' },
  ]);
});

it.each<[string, Partial<RegistrationState>]>([
  ['has an access key and lost its registration', { keyId: 'AKIA1' }],
  ['is registered and does not have its access key yet', { record }],
])('does not report that of a cluster that %s', async (_, more) => {
  expect(await registrationHealth({ ...fresh, ...more }, ctx)).toEqual([]);
});
