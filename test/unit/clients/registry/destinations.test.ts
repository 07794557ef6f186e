import dns from 'node:dns';
import { describe, expect, it, vi } from 'vitest';
import type { DockerPort } from '../../../../src/clients/docker/port.ts';
import { createDockerEngine } from '../../../../src/mirror/docker/engine.ts';
import { createNet } from '../../../../src/clients/net/index.ts';
import { Destinations, HostSet } from '../../../../src/clients/registry/destinations.ts';
import { openRegistries } from '../../../../src/clients/registry/index.ts';
import { InstantClock } from '../../../support/registry-engine.ts';

const insecure = new HostSet(['vm.example.com:5000']);
const listed = new HostSet(['127.0.0.1:5000', 'vm.example.com:5000', 'localhost', 'docker.io']);
const of = (host: string) => new Destinations(host, { listed, insecure });
const reach = (host: string, url: string) => of(host).reach(new URL(url));
const onward = (host: string, location: string, from?: string) =>
  of(host).onward(location, 'w', from === undefined ? undefined : new URL(from)).href;

describe('what a registry may reach', () => {
  it('is any address for a listed host, at its own port', () => {
    expect(reach('127.0.0.1:5000', 'https://127.0.0.1:5000/v2/')).toBe('anywhere');
    expect(reach('tenant.example.com', 'https://127.0.0.1:5000/v2/')).toBe('anywhere');
    expect(reach('tenant.example.com', 'https://127.0.0.1:5001/v2/')).toBe('remote');
  });

  it('includes other ports of its own host only for a listed registry', () => {
    expect(reach('127.0.0.1:5000', 'http://127.0.0.1:5001/token')).toBe('anywhere');
    expect(reach('127.0.0.1:6000', 'http://127.0.0.1:6001/token')).toBe('remote');
    expect(reach('docker.io', 'http://127.0.0.1:5001/token')).toBe('remote');
  });

  it('treats a host without a port as its default ports', () => {
    expect(reach('a.example.com', 'http://localhost/')).toBe('anywhere');
    expect(reach('a.example.com', 'https://localhost:443/')).toBe('anywhere');
    expect(reach('a.example.com', 'https://localhost:8443/')).toBe('remote');
  });

  it('recognizes Docker Hub by the host that serves it', () => {
    expect(reach('a.example.com', 'https://registry-1.docker.io/v2/')).toBe('anywhere');
  });
});

describe('what a registry may redirect to', () => {
  it.each([
    ['https elsewhere', 'https://cdn.example.com/blob', 'https://cdn.example.com/blob'],
    ['itself by http, which is asked by https', 'http://r.example.com/token', 'https://r.example.com/token'],
    ['a listed host by http', 'http://vm.example.com:5000/token', 'http://vm.example.com:5000/token'],
    ['a listed host on this computer', 'http://127.0.0.1:5000/x', 'http://127.0.0.1:5000/x'],
    ['a URL with a login, which is left out', 'https://me:pass@b.example.com/', 'https://b.example.com/'],
  ])('is %s', (_, location, expected) => {
    expect(onward('r.example.com', location)).toBe(expected);
    expect(onward('r.example.com', location, 'https://r.example.com/v2/a/blobs/x')).toBe(expected);
  });

  it.each([
    ['http elsewhere', 'http://cdn.example.com/blob', 'registry-failed'],
    ['a file', 'file:///etc/passwd', 'registry-failed'],
    ['data', 'data:text/plain,x', 'registry-failed'],
    ['no URL', 'http://', 'registry-failed'],
    ['an address of this computer', 'https://127.0.0.1:6443/', 'address-not-allowed'],
    ['metadata of a cloud', 'http://169.254.169.254/latest/meta-data/', 'address-not-allowed'],
    ['another spelling', 'http://0x7f.1/', 'address-not-allowed'],
    ['IPv6 around IPv4', 'https://[::ffff:a9fe:a9fe]/', 'address-not-allowed'],
    ['a local name', 'https://registry.localhost/', 'address-not-allowed'],
  ])('is never %s', (_, location, code) => {
    expect(() => onward('r.example.com', location)).toThrow(expect.objectContaining({ code }) as Error);
    expect(() => onward('r.example.com', location, 'https://r.example.com/')).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });
});

describe('the Docker engine, which opens its own connections,', () => {
  const net = createNet(undefined, {});
  const clock = new InstantClock();
  const credentials = { find: () => Promise.resolve(undefined) };
  const { refuseLocal } = openRegistries({ net, clock, credentials, listed, insecure: [] });

  it.each(['127.0.0.1:6000', 'localhost:6000', '0x7f.1'])('must not connect to %s', async (host) => {
    const asked: string[] = [];
    const docker = {
      version: () => Promise.resolve(),
      image: () => Promise.resolve(undefined),
      source: (name: string) => {
        asked.push(name);
        return Promise.reject(new Error('asked'));
      },
    } as unknown as DockerPort;
    const engine = createDockerEngine({
      docker: () => Promise.resolve(docker),
      target: {
        host: () => Promise.resolve('ecr.example.com'),
        credential: () => Promise.reject(new Error('asked')),
        manifest: () => Promise.resolve(undefined),
      },
      ...{ credentials, clock, refuseLocal },
    });
    const image = { source: `${host}/app:1`, repository: 'p/app', tag: '1', wantedBy: ['Pod a/b'] };
    const { signal } = new AbortController();
    const options = { platforms: 'all', concurrency: 1, signal, emit: () => undefined } as const;
    const [result] = await engine.copy([image], options);
    expect(result?.error?.code).toBe('address-not-allowed');
    expect(asked).toEqual([]);
  });

  it('resolves a host once for all of its images', async () => {
    const lookup = vi.spyOn(dns.promises, 'lookup').mockRejectedValue(new Error('no such host'));
    const once = openRegistries({ net, clock, credentials, listed, insecure: [] });
    const images = Array.from({ length: 50 }, (_, index) => `could not look up r.example.com/app:${index}`);
    await Promise.all(images.map((what) => once.refuseLocal('r.example.com', what)));
    expect(lookup).toHaveBeenCalledTimes(1);
    lookup.mockRestore();
  });

  it('may connect to a listed host and to remote hosts', async () => {
    await expect(refuseLocal('127.0.0.1:5000', 'w')).resolves.toBeUndefined();
    await expect(refuseLocal('10.0.0.1:5000', 'w')).resolves.toBeUndefined();
  });
});
