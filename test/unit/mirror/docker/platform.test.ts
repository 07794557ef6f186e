import { describe, expect, it } from 'vitest';
import { choosePlatform, onePlatform } from '../../../../src/mirror/docker/platform.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

describe('the platform that the Docker engine copies', () => {
  it('is the desired one of several', () => {
    expect(choosePlatform('x', ['linux/arm64'], [amd64, arm64])).toEqual({
      os: 'linux',
      architecture: 'arm64',
    });
  });

  it('is the only available one when all are desired', () => {
    expect(choosePlatform('x', 'all', [amd64])).toEqual(amd64);
  });

  it('is an error that lists the available ones when the desired one is missing', () => {
    expect(() => choosePlatform('x', ['linux/s390x'], [amd64, arm64])).toThrow(
      'the image is available for linux/amd64, linux/arm64 only',
    );
  });

  it("is the one of the nodes' platforms that the image has", () => {
    expect(choosePlatform('x', { anyOf: ['linux/s390x', 'linux/amd64'] }, [amd64])).toEqual(amd64);
  });

  it('is an error that suggests the registry engine when several are desired', () => {
    expect(() => onePlatform('x', [amd64, arm64])).toThrow(
      expect.objectContaining({
        code: 'image-platform-missing',
        why: 'the Docker engine stores one platform of an image, but the run asks for linux/amd64, linux/arm64',
        hint: expect.stringContaining('--engine registry') as string,
      }) as Error,
    );
  });
});
