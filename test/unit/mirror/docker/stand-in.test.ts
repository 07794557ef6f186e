import { expect, test } from 'vitest';
import { BootstrapError } from '../../../../src/errors/index.ts';
import { mayStandIn } from '../../../../src/mirror/docker/stand-in.ts';
import { Secret } from '../../../../src/secret.ts';

const denied = new BootstrapError({ code: 'registry-denied', what: 'w', why: 'denied', hint: 'h' });
const login = { username: 'me', password: new Secret('docker-hub-password') };

test('what Docker Hub refuses to those who are not logged in may be an image that was only built here', () => {
  expect(mayStandIn(denied, 'docker.io/library/built-here:1', undefined)).toBe(true);
});

test('a refused login is no reason to take the local image', () => {
  expect(mayStandIn(denied, 'docker.io/team/private:1', login)).toBe(false);
  expect(mayStandIn(denied, 'ghcr.io/team/private:1', undefined)).toBe(false);
});
