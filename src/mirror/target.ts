import { deniedAction, denialHint } from '../clients/aws/denial.ts';
import type { EcrPort, RegistryToken } from '../clients/aws/port.ts';
import { type Clock, stopwatch } from '../core/clock.ts';
import type { Registry } from '../clients/registry/client.ts';
import type { Credential, HostCredential } from '../clients/registry/credentials.ts';
import type { MirrorTarget } from './engine.ts';

/** A token is renewed early enough for a large upload to finish with it. */
const minRemainingMs = 10 * 60_000;

/** The login to the account's registry: a token from ECR, renewed before it expires or when it is rejected. */
export function ecrIdentity(ecr: EcrPort, clock: Clock): HostCredential {
  let renewal: Promise<RegistryToken> | undefined;
  let isExpiring = (): boolean => true;
  let current: RegistryToken | undefined;
  const renew = async (): Promise<RegistryToken> => {
    const token = await ecr.token();
    const lifetimeMs = token.expiresAt - clock.now();
    const ageMs = stopwatch(clock);
    isExpiring = () => ageMs() >= lifetimeMs - Math.min(minRemainingMs, lifetimeMs / 4);
    current = token;
    return token;
  };
  return {
    preemptive: true,
    hint: 'Attach the policy that `ecr-bootstrap policy power-user` prints, then run the same command again.',
    hintFor: (message) => {
      const action = deniedAction(message);
      return action === undefined ? undefined : denialHint(message, action);
    },
    credential: (rejected) => {
      const isRejected = rejected !== undefined && current?.password.equals(rejected.password);
      if (!renewal || (current && (isRejected || isExpiring()))) {
        current = undefined;
        renewal = renew();
        renewal.catch(() => (renewal = undefined));
      }
      return renewal;
    },
  };
}

/** The account's registry, as the engines use it. */
export function ecrTarget(registry: Registry, identity: HostCredential): MirrorTarget {
  return {
    host: () => Promise.resolve(registry.name),
    credential: async (): Promise<Credential> => {
      const credential = await identity.credential();
      if (!credential) throw new Error('ECR always gives a token');
      return credential;
    },
    manifest: (repository, reference, signal = new AbortController().signal) =>
      registry.getManifest(repository, reference, { signal }),
  };
}
