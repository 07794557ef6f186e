import { deniedAction, denialHint } from '../clients/aws/denial.ts';
import type { EcrPort, RegistryToken } from '../clients/aws/port.ts';
import { type Clock, stopwatch } from '../core/clock.ts';
import type { Registry } from '../clients/registry/client.ts';
import type { Credential, HostCredential } from '../clients/registry/credentials.ts';
import type { Target } from './engine.ts';

/** A token is renewed so long before its end that a large upload begun with it can end. Milliseconds. */
const minRemainingMs = 10 * 60_000;

/** Who we are at the account's registry: the token that ECR gives, renewed in time or when it is refused. */
export function ecrIdentity(ecr: EcrPort, clock: Clock): HostCredential {
  let renewal: Promise<RegistryToken> | undefined;
  let isOld = (): boolean => true;
  let shown: RegistryToken | undefined;
  const renew = async (): Promise<RegistryToken> => {
    const token = await ecr.token();
    const lifeMs = token.expiresAt - clock.now();
    const ageMs = stopwatch(clock);
    isOld = () => ageMs() >= lifeMs - Math.min(minRemainingMs, lifeMs / 4);
    shown = token;
    return token;
  };
  return {
    preemptive: true,
    hint: 'Attach the policy that `ecr-bootstrap policy power-user` prints, then run the same command again.',
    hintFor: (message) => {
      const action = deniedAction(message);
      return action === undefined ? undefined : denialHint(message, action);
    },
    credential: (refused) => {
      const isRefused = refused !== undefined && shown?.password.equals(refused.password);
      if (!renewal || (shown && (isRefused || isOld()))) {
        shown = undefined;
        renewal = renew();
        renewal.catch(() => (renewal = undefined));
      }
      return renewal;
    },
  };
}

/** The account's registry as the engines see it. */
export function ecrTarget(registry: Registry, identity: HostCredential): Target {
  return {
    host: () => Promise.resolve(registry.name),
    credential: async (): Promise<Credential> => {
      const credential = await identity.credential();
      if (!credential) throw new Error('the ECR always gives a token');
      return credential;
    },
    manifest: (repository, reference, signal = new AbortController().signal) =>
      registry.getManifest(repository, reference, { signal }),
  };
}
