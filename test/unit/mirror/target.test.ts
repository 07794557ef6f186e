import { expect, it } from 'vitest';
import type { EcrPort } from '../../../src/clients/aws/port.ts';
import { ecrIdentity } from '../../../src/mirror/target.ts';
import { Secret } from '../../../src/core/secret.ts';
import { InstantClock } from '../../support/registry-engine.ts';

it('renews the registry token by its age, although the wall clock was set back', async () => {
  const clock = new InstantClock();
  let tokens = 0;
  const token = () =>
    Promise.resolve({
      username: 'AWS',
      password: new Secret(`the token number ${(tokens += 1)}`),
      expiresAt: clock.now() + 12 * 3_600_000,
    });
  const identity = ecrIdentity({ token } as unknown as EcrPort, clock);
  await identity.credential();
  clock.advance(6 * 3_600_000);
  await identity.credential();
  expect(tokens).toBe(1);
  clock.advance(-6 * 3_600_000);
  await identity.credential();
  clock.advance(6 * 3_600_000);
  await identity.credential();
  expect(tokens).toBe(2);
});
