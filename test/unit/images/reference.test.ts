import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import { misspellings, type Spelling, spellings } from '../../support/image-references.ts';
import { dockerShortName, formatReference, parseReference } from '../../../src/images/reference.ts';

const normal = (text: string) => formatReference(parseReference(text));

describe('parseReference', () => {
  it.each<Spelling>([
    ...spellings,
    ['MyRegistry/app', 'myregistry:443/app:latest'],
    ['a__b/c--d.e', 'docker.io/a__b/c--d.e:latest'],
  ])('normalizes %s to %s', (text, expected) => {
    expect(normal(text)).toBe(expected);
    expect(normal(expected)).toBe(expected);
  });
});

describe('parseReference of a malformed reference', () => {
  it.each([
    ...misspellings,
    // The admission policy accepts these, because its regular expressions cannot count.
    '1.2.3.999/app',
    '[::1::]:5000/app',
    'registry.example.com:99999/app',
    'registry.example.com:0/app',
    `ghcr.io/${'a'.repeat(256)}`,
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

it.each([
  ['NGINX:1.27', 'Write nginx:1.27, if the repository has that name.'],
  ['ghcr.io/Team/app@sha256:x', 'Write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST'],
  ['ghcr.io/Team/App:V1', 'Write ghcr.io/team/app:V1, if the repository has that name.'],
  ['Registry.example/R:R', 'Write Registry.example/r:R, if'],
  ['Bad Image', 'Write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST'],
])('a reference with uppercase letters gets a hint that is a reference itself: %s', (text, hint) => {
  expect(() => parseReference(text)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining(hint) as string }),
  );
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
