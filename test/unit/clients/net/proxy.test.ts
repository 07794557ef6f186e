import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../../src/clients/net/proxy.ts';
import { withoutSecrets } from '../../../../src/core/secret.ts';

const proxy = 'http://proxy.example.com:3128';
const isProxied = (url: string, noProxy: string): boolean =>
  proxyFor(url, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: noProxy }) !== undefined;

describe('the proxy for a URL', () => {
  it('is the proxy of its scheme', () => {
    const env = { HTTP_PROXY: 'http://one:1', HTTPS_PROXY: 'http://two:2' };
    expect(proxyFor('http://example.com/', env)?.host).toBe('one:1');
    expect(proxyFor('https://example.com/', env)?.host).toBe('two:2');
  });

  it('is never the proxy of the other scheme', () => {
    expect(proxyFor('https://example.com/', { HTTP_PROXY: proxy })).toBeUndefined();
  });

  it('comes from lower-case names first and from ALL_PROXY last', () => {
    const env = { https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:1', ALL_PROXY: 'http://all:1' };
    expect(proxyFor('https://example.com/', env)?.hostname).toBe('lower');
    expect(proxyFor('http://example.com/', env)?.hostname).toBe('all');
  });

  it('may have no scheme', () => {
    expect(proxyFor('https://example.com/', { HTTPS_PROXY: 'proxy:3128' })?.href).toBe('http://proxy:3128/');
  });

  it.each(['socks5://localhost:1080', 'socks5h://localhost:1080'])('may be %s', (value) => {
    expect(proxyFor('https://example.com/', { HTTPS_PROXY: value })?.href).toBe(value);
  });

  it('is not used for loopback', () => {
    for (const host of ['127.0.0.1:6443', 'localhost:5000', '[::1]:6443']) {
      expect(isProxied(`https://${host}/`, '')).toBe(false);
    }
  });

  it.each([
    ['https://example.com/', '*'],
    ['https://example.com/', 'other.org, example.com'],
    ['https://a.example.com/', 'example.com'],
    ['https://a.example.com/', '.example.com'],
    ['https://a.example.com/', '*.example.com'],
    ['https://example.com:6443/', 'example.com:6443'],
    ['https://EXAMPLE.com/', 'Example.COM'],
    ['https://10.1.2.3:6443/', '10.0.0.0/8'],
    ['https://10.1.2.3/', '10.1.2.3'],
    ['https://[fd00::7]/', 'fd00::/8'],
    ['https://[fd00::7]/', 'fd00::7'],
  ])('is not used for %s with NO_PROXY=%s', (url, noProxy) => {
    expect(isProxied(url, noProxy)).toBe(false);
  });

  it.each([
    ['https://notexample.com/', 'example.com'],
    ['https://example.com/', '.example.com'],
    ['https://example.com/', 'example.com:6443'],
    ['https://11.1.2.3/', '10.0.0.0/8'],
    ['https://10.1.2.3/', '10.0.0.0/99'],
    ['https://example.com/', '10.0.0.0/8'],
  ])('is used for %s with NO_PROXY=%s', (url, noProxy) => {
    expect(isProxied(url, noProxy)).toBe(true);
  });

  it.each(['ftp://proxy:21', 'socks4://proxy:1080', 'http://', 'http://a b'])(
    'is an error that names the variable when it is %s',
    (value) => {
      expect(() => proxyFor('https://example.com/', { HTTPS_PROXY: value })).toThrow(
        expect.objectContaining({
          code: 'proxy-invalid',
          hint: expect.stringContaining('HTTPS_PROXY') as string,
        }),
      );
    },
  );

  it('has a password that is masked in all output', () => {
    proxyFor('https://example.com/', { HTTPS_PROXY: 'http://me:correct-horse@proxy:1' });
    expect(withoutSecrets('failed: http://me:correct-horse@proxy:1')).toBe(
      'failed: http://me:(secret)@proxy:1',
    );
  });
});
