import type { Identities } from './identities.ts';
import type { Service } from './service.ts';

/** STS: only who is calling. */
export function sts({ account }: Identities): Service {
  return {
    name: 'sts',
    target: () => ({ arn: '*' }),
    operations: {
      GetCallerIdentity: (_: object, { user }) => ({ UserId: user.id, Account: account, Arn: user.arn }),
    },
  };
}
