import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import type { BootstrapError } from '../../../src/core/errors.ts';
import { ecrName, ecrReference, workloadReference } from '../../../src/images/naming.ts';
import { parseReference } from '../../../src/images/reference.ts';

const digest = `sha256:${'b'.repeat(64)}`;
const name = (text: string, map: Record<string, string> = {}) =>
  ecrName(parseReference(text), { project: 'myproject', map });

describe('the name in ECR', () => {
  it.each([
    ['nginx:1.27', 'myproject/docker.io/library/nginx', '1.27'],
    ['registry.k8s.io/pause:3.10', 'myproject/registry.k8s.io/pause', '3.10'],
    ['localhost:5000/app', 'myproject/localhost_5000/app', 'latest'],
    ['ghcr.io/external-secrets/external-secrets:v0.12.1', 'myproject/external-secrets', 'v0.12.1'],
    [
      'oci.external-secrets.io/external-secrets/external-secrets:v0.12.1',
      'myproject/external-secrets',
      'v0.12.1',
    ],
    [`nginx@${digest}`, 'myproject/docker.io/library/nginx', digest],
    [`nginx:1@${digest}`, 'myproject/docker.io/library/nginx', '1'],
  ])('is derived from the source %s', (text, repository, tag) => {
    expect(name(text)).toEqual({ repository, tag });
  });

  it('comes from the map, whether its key is a full or a short name', () => {
    expect(name('nginx', { nginx: 'web/nginx' }).repository).toBe('myproject/web/nginx');
    expect(name('nginx', { 'docker.io/library/nginx': 'web/nginx' }).repository).toBe('myproject/web/nginx');
  });

  it('begins with the project only once when the map repeats it', () => {
    expect(name('nginx', { nginx: 'myproject/web' }).repository).toBe('myproject/web');
    expect(name('nginx', { nginx: 'other/web' }).repository).toBe('myproject/other/web');
  });

  it('keeps the digest next to the tag in the reference for workloads', () => {
    const inWorkload = (text: string) => workloadReference('host', name(text), parseReference(text));
    const repository = 'host/myproject/docker.io/library/nginx';
    expect(inWorkload('nginx:1')).toBe(`${repository}:1`);
    expect(inWorkload(`nginx:1@${digest}`)).toBe(`${repository}:1@${digest}`);
    expect(inWorkload(`nginx@${digest}`)).toBe(`${repository}@${digest}`);
  });

  it('becomes a reference by tag or digest', () => {
    expect(ecrReference('host', { repository: 'p/a', tag: '1' })).toBe('host/p/a:1');
    expect(ecrReference('host', { repository: 'p/a', tag: digest })).toBe(`host/p/a@${digest}`);
  });
});

describe('the error for a name that ECR does not accept', () => {
  const refusal = (hint: RegExp) =>
    expect.objectContaining({
      code: 'repository-name-invalid',
      hint: expect.stringMatching(hint) as string,
    }) as unknown;

  it.each([
    ['ghcr.io/team/a__b:1', /`ghcr\.io\/team\/a__b: team\/a-b`/],
    ['quay.io/team/a--b', /`quay\.io\/team\/a--b: team\/a-b`/],
    [`ghcr.io/${'long/'.repeat(49)}a`, /: a`/],
    ['[::1]:5000/app', /`"\[::1\]:5000\/app": app`/],
  ])('suggests a line for images.map: %s', (text, hint) => {
    expect(() => name(text)).toThrow(refusal(hint));
  });

  it('suggests a line that is valid YAML for a host that is an IPv6 address', () => {
    let hint = '';
    try {
      name('[2001:db8::1]:5000/app');
    } catch (error) {
      hint = (error as BootstrapError).hint;
    }
    const line = /`(.*)`/.exec(hint)?.[1] ?? '';
    expect(load(line)).toEqual({ '[2001:db8::1]:5000/app': 'app' });
    expect(name('[2001:db8::1]:5000/app', load(line) as Record<string, string>).repository).toBe(
      'myproject/app',
    );
  });

  it('says to change a line of images.map that is wrong', () => {
    expect(() => name('nginx', { nginx: 'Web' })).toThrow(refusal(/^Change/));
    expect(() => name('nginx', { nginx: '../other' })).toThrow(refusal(/^Change/));
  });
});
