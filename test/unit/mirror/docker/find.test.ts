import { expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import type { DockerPort } from '../../../../src/clients/docker/port.ts';
import { BootstrapError } from '../../../../src/core/errors.ts';
import { createDockerEngine } from '../../../../src/mirror/docker/engine.ts';

it('does not let the Docker engine look up an image at a refused address', async () => {
  const refusal = new BootstrapError({ code: 'address-not-allowed', what: 'w', why: 'y', hint: 'h' });
  const engine = createDockerEngine({
    docker: (): Promise<DockerPort> => Promise.reject(new Error('the engine was asked')),
    target: {
      host: () => Promise.resolve('t'),
      credential: () => Promise.reject(refusal),
      manifest: () => Promise.resolve(undefined),
    },
    credentials: { find: () => Promise.resolve(undefined) },
    refuseLocal: () => Promise.reject(refusal),
    clock: systemClock,
  });
  const image = { source: '127.0.0.1:9/x:1', repository: 'p/x', tag: '1', wantedBy: ['Pod shop/x'] };
  await expect(engine.find(image, new AbortController().signal)).rejects.toBe(refusal);
});
