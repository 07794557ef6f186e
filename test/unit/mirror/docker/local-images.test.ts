import { expect, it } from 'vitest';
import { BootstrapError } from '../../../../src/core/errors.ts';
import { mayUseLocal } from '../../../../src/mirror/docker/local-images.ts';
import { HelperError } from '../../../../src/clients/registry/credentials.ts';
import { Secret } from '../../../../src/core/secret.ts';

const denied = new BootstrapError({ code: 'registry-denied', what: 'w', why: 'denied', hint: 'h' });
const login = { username: 'me', password: new Secret('docker-hub-password') };
const byPod = { wantedBy: ['Deployment shop/web'] };

it('uses the local image for a pod when Docker Hub rejects a request without a login', () => {
  expect(mayUseLocal(denied, byPod, 'docker.io/library/built-here:1', undefined)).toBe(true);
});

it("does not copy the user's local image for a pod when a registry rejects the request", () => {
  expect(mayUseLocal(denied, byPod, 'docker.io/team/private:1', login)).toBe(false);
  expect(mayUseLocal(denied, byPod, 'ghcr.io/team/private:1', undefined)).toBe(false);
  const unhelped = new HelperError(denied);
  expect(mayUseLocal(unhelped, byPod, 'docker.io/team/private:1', undefined)).toBe(false);
});

it.each([
  ['on the command line', { wantedBy: ['argument'], byHand: true as const }],
  ['in the configuration', { wantedBy: ['config'] }],
])('uses the local image that the user names %s when any registry rejects the request', (_, image) => {
  expect(mayUseLocal(denied, image, 'ghcr.io/team/built-here:1', undefined)).toBe(true);
  expect(mayUseLocal(denied, image, 'docker.io/library/built-here:1', login)).toBe(true);
});
