import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import { misspellings, spellings } from '../../support/image-references.ts';
import { dockerShortName, formatReference, parseReference } from '../../../src/images/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const normal = (text: string) => formatReference(parseReference(text));

describe('parseReference', () => {
  it.each<readonly [string, string]>([
    ...spellings,
    ['Registry.Corp.Example/app:1', 'registry.corp.example/app:1'],
    ['GHCR.io/team/app', 'ghcr.io/team/app:latest'],
    ['MyRegistry/app', 'myregistry:443/app:latest'],
    ['REGISTRY:5000/app', 'registry:5000/app:latest'],
    ['[FE80::1]:5000/app', '[fe80::1]:5000/app:latest'],
    ['registry.example.com:5000/app:1', 'registry.example.com:5000/app:1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`ghcr.io/a/b:1@${digest}`, `ghcr.io/a/b:1@${digest}`],
    [`ghcr.io/a/b@sha512:${'a'.repeat(128)}`, `ghcr.io/a/b@sha512:${'a'.repeat(128)}`],
    ['a__b/c--d.e', 'docker.io/a__b/c--d.e:latest'],
  ])('normalizes %s to %s', (text, expected) => {
    expect(normal(text)).toBe(expected);
    expect(normal(expected)).toBe(expected);
  });
});

describe('parseReference of a malformed reference', () => {
  it.each([
    ...misspellings,
    'nginx ',
    'ghcr.io/Team/app',
    'GHCR.io/Team/app',
    'My_Registry/app',
    'docker://nginx',
    'docker://',
    'oci://ghcr.io/team/chart',
    'DOCKER://nginx',
    '1.2.3.999/app',
    '[::1::]:5000/app',
    'ghcr.io/',
    'ghcr.io//app',
    '/app',
    'ghcr.io/../app',
    'ghcr.io/./app',
    'ghcr.io/team/../../app:1',
    'app:',
    'app:-1',
    `app:${'a'.repeat(129)}`,
    'app@sha256:abc',
    `app@${digest}:tag`,
    `app@sha512:${'a'.repeat(64)}`,
    `app@sha256:${'a'.repeat(128)}`,
    `app@${digest.toUpperCase()}`,
    'registry.example.com:99999/app',
    'registry.example.com:0/app',
    'registry.example.com:port/app',
    'https://ghcr.io/team/app',
    'user:password@ghcr.io/team/app',
    `ghcr.io/${'a'.repeat(256)}`,
    'app?x=1',
    'app%2f..',
    'app\n',
  ])('refuses %j', (text) => {
    const parse = () => parseReference(text);
    expect(parse).toThrow(BootstrapError);
    expect(parse).toThrow(expect.objectContaining({ code: 'reference-invalid' }));
  });
});

it('dockerShortName gives the short form of Docker', () => {
  expect(dockerShortName('docker.io/library/nginx:1')).toBe('nginx:1');
  expect(dockerShortName('docker.io/team/app:1')).toBe('team/app:1');
  expect(dockerShortName('ghcr.io/team/app:1')).toBe('ghcr.io/team/app:1');
});

describe('a reference with the scheme of another tool', () => {
  it.each([
    ['docker://nginx', 'Remove docker://: write nginx'],
    ['docker://ghcr.io/team/app:1', 'Remove docker://: write ghcr.io/team/app:1'],
    ['https://ghcr.io/team/app', 'Remove https://: write ghcr.io/team/app'],
    ['oci://ghcr.io/team/chart', 'Remove oci://: write ghcr.io/team/chart'],
    ['docker-daemon://app:1', 'Remove docker-daemon://: write app:1'],
  ])('is refused with the correct form in the hint: %s', (text, hint) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ hint }));
  });
});
