import { describe, expect, it } from 'vitest';
import { Crio } from '../../../../sandbox/cluster/crio.ts';
import { parseReference } from '../../../../sandbox/cluster/references.ts';

const folder = '/etc/containers/registries.conf.d';
const loginFile = '/etc/crio/auth.json';
const settings = `[crio.image]\nauto_reload_registries = true\nglobal_auth_file = "${loginFile}"\n`;
const entry = (prefix: string, location: string): string =>
  `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n`;
const files = {
  '/etc/crio/crio.conf.d/50.conf': settings,
  [`${folder}/a.conf`]: entry('docker.io', 'ecr/demo/docker.io'),
  [loginFile]: '{"auths": {"ecr/demo/docker.io": {"auth": "b25l"}, "ecr": {"auth": "dHdv"}}}',
};
const nginx = parseReference('nginx:1.28');

describe('CRI-O in the sandbox', () => {
  it('knows no registries and no login before it starts with them', () => {
    const crio = new Crio();
    expect(crio.locate(nginx, files)).toBeUndefined();
    crio.changed(`${folder}/a.conf`, files);
    expect(crio.locate(nginx, files)).toBeUndefined();
    crio.start(files);
    expect(crio.locate(nginx, files)).toEqual({
      repository: 'ecr/demo/docker.io/library/nginx',
      host: 'ecr',
      login: 'b25l',
    });
  });

  it('reads the login at each pull, and that of the longest path', () => {
    const crio = new Crio();
    crio.start(files);
    const login = (auths: object) =>
      crio.locate(nginx, { ...files, [loginFile]: JSON.stringify({ auths }) })?.login;
    expect(login({ 'ecr/demo': { auth: 'x' }, 'ecr/demo/docker.io/library/nginx': { auth: 'y' } })).toBe('y');
    expect(login({ 'ecr/demo': { auth: 'x' }, 'ecr/other': { auth: 'y' } })).toBe('x');
    expect(login({ docker: { auth: 'x' } })).toBeUndefined();
  });

  it.each([
    ['with auto_reload_registries', settings, true],
    ['not without it', settings.replace('true', 'false'), false],
  ])('reads a changed file of a registry by itself %s', (_, text, isRead) => {
    const crio = new Crio();
    const started = { '/etc/crio/crio.conf.d/50.conf': text };
    crio.start(started);
    crio.changed(`${folder}/a.conf`, { ...started, ...files });
    expect(crio.locate(nginx, files) !== undefined).toBe(isRead);
  });

  it('reads other changed files only when it starts', () => {
    const crio = new Crio();
    crio.start({ '/etc/crio/crio.conf.d/50.conf': settings });
    crio.changed('/etc/containers/registries.conf', files);
    crio.changed(`${folder}/a.conf.tmp`, files);
    expect(crio.locate(nginx, files)).toBeUndefined();
  });

  it('keeps its registries when a changed file is not valid, and does not start with one', () => {
    const crio = new Crio();
    crio.start(files);
    const invalid = { ...files, [`${folder}/b.conf`]: '[[registry]]\nprefix = x\n' };
    crio.changed(`${folder}/b.conf`, invalid);
    expect(crio.locate(nginx, files)).toBeDefined();
    expect(() => crio.start(invalid)).toThrow('invalid TOML');
    const withScheme = { [`${folder}/b.conf`]: entry('docker.io', 'https://ecr') };
    expect(() => crio.start(withScheme)).toThrow('invalid location');
  });

  it('uses the entry with the longest prefix, and of two with one prefix the one in the later file', () => {
    const crio = new Crio();
    crio.start({
      '/etc/containers/registries.conf': entry('docker.io', 'first'),
      [`${folder}/a.conf`]: `${entry('docker.io', 'second')}${entry('docker.io/library/nginx', 'third')}`,
      [`${folder}/b.conf`]: '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "mirror"\n',
    });
    const repositoryOf = (image: string) => crio.locate(parseReference(image), {})?.repository;
    expect(repositoryOf('redis:8')).toBe('second/library/redis');
    expect(repositoryOf('nginx:1')).toBe('third');
    expect(repositoryOf('docker.io/library/nginx-2:1')).toBe('second/library/nginx-2');
    expect(repositoryOf('quay.io/a/b:1')).toBe('quay.io/a/b');
  });
});
