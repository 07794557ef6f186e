import { describe, expect, it } from 'vitest';
import { dockerError } from '../../../../src/clients/docker/errors.ts';

const attempt = { what: 'pull ghcr.io/a/b:1', registry: 'ghcr.io', address: 'unix:///x.sock (DOCKER_HOST)' };

describe('an error of the engine', () => {
  it.each([
    ['no matching manifest for linux/s390x in the manifest list entries', 'image-platform-missing'],
    ['manifest for ghcr.io/a/b:1 not found: manifest unknown: manifest unknown', 'image-missing'],
    ['Get "https://ghcr.io/v2/": unauthorized: authentication required', 'registry-denied'],
    ['no basic auth credentials', 'registry-denied'],
    ['denied: User is not authorized to perform: ecr:InitiateLayerUpload', 'registry-denied'],
    ['received unexpected HTTP status: 500 Internal Server Error', 'docker-failed'],
    ['write /var/lib/docker/tmp/x: no space left on device', 'docker-failed'],
  ])('"%s" has the code %s', (text, code) => {
    expect(dockerError(new Error(text), attempt)).toMatchObject({
      code,
      what: 'could not pull ghcr.io/a/b:1',
      why: text,
    });
  });

  it("shows the engine's message without the library's prefix", () => {
    const thrown = Object.assign(new Error('(HTTP code 404) no such image - No such image: b:1 '), {
      statusCode: 404,
    });
    expect(dockerError(thrown, attempt).why).toBe('No such image: b:1');
  });

  it('shows how to log in to the registry that rejected the request', () => {
    expect(dockerError(new Error('unauthorized'), attempt).hint).toContain('docker login ghcr.io');
  });

  it('names the address of an engine that does not respond', () => {
    const thrown = Object.assign(new Error('connect ENOENT /x.sock'), { code: 'ENOENT', syscall: 'connect' });
    const error = dockerError(thrown, attempt);
    expect(error).toMatchObject({ code: 'docker-unreachable', why: 'there is no such socket' });
    expect(error.hint).toContain(attempt.address);
  });
});
