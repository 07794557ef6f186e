import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { SandboxClock } from '../../sandbox/clock.ts';

/** Waiting in ecr-bootstrap moves the sandbox's clock instead of taking real time. */
export const fastClock = (clock: SandboxClock): Clock => ({
  now: () => clock.now(),
  sleep: async (milliseconds, signal) => {
    clock.advance(milliseconds);
    await systemClock.sleep(Math.min(milliseconds, 5), signal);
  },
  every: (milliseconds, act) => {
    let last = clock.now();
    const stop = clock.onAdvance(() => {
      if (clock.now() - last < milliseconds) return;
      last = clock.now();
      act();
    });
    const timer = setInterval(act, milliseconds).unref();
    return () => {
      stop();
      clearInterval(timer);
    };
  },
});
