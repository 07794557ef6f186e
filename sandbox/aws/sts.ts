import { AwsRefusal } from '../ports.ts';
import type { Identities } from './identities.ts';
import type { Service } from './service.ts';

/** Seconds. */
const duration = { min: 900, max: 129_600, default: 43_200 };

/** STS: the caller's identity, and temporary credentials with the permissions of the calling user. */
export function sts(identities: Identities): Service {
  return {
    name: 'sts',
    target: () => ({ arn: '*' }),
    operations: {
      GetCallerIdentity: (_: object, { user }) => ({
        UserId: user.id,
        Account: identities.account,
        Arn: user.arn,
      }),
      GetSessionToken({ DurationSeconds }: { DurationSeconds?: string }, { user, key }) {
        if (key.sessionToken !== undefined) {
          throw new AwsRefusal('AccessDenied', 'Cannot call GetSessionToken with session credentials', 403);
        }
        const seconds = Number(DurationSeconds ?? duration.default);
        if (!(seconds >= duration.min && seconds <= duration.max)) {
          const range = `${duration.min} to ${duration.max}`;
          throw new AwsRefusal('ValidationError', `durationSeconds must be from ${range}`);
        }
        const session = identities.addSession(user, seconds * 1000, { isRefusedByIam: true });
        return {
          Credentials: {
            AccessKeyId: session.id,
            SecretAccessKey: session.secret,
            SessionToken: session.sessionToken,
            Expiration: new Date(session.created + seconds * 1000),
          },
        };
      },
    },
  };
}
