/** A reference as users write it, and its normalized form. */
export type Spelling = readonly [written: string, normalized: string];

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const longDigest = `sha512:${'0123456789abcdef'.repeat(8)}`;

/** References that the program and the admission policy must read alike. */
export const spellings: readonly Spelling[] = [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['library/nginx', 'docker.io/library/nginx:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['Docker.IO/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['registry-1.docker.io/team/app:1', 'docker.io/team/app:1'],
  ['team/app', 'docker.io/team/app:latest'],
  ['team/group/app:2', 'docker.io/team/group/app:2'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost', 'docker.io/library/localhost:latest'],
  ['localhost:5000/app', 'localhost:5000/app:latest'],
  ['LOCALHOST/app', 'localhost/app:latest'],
  ['Registry/app:1', 'registry:443/app:1'],
  ['REGISTRY:5000/app', 'registry:5000/app:latest'],
  ['[::1]:5000/app', '[::1]:5000/app:latest'],
  ['[FE80::1]/app', '[fe80::1]/app:latest'],
  ['registry.example', 'docker.io/library/registry.example:latest'],
  ['registry.example/app', 'registry.example/app:latest'],
  ['registry.example:443/app', 'registry.example:443/app:latest'],
  ['10.0.0.1:5000/a/b:c', '10.0.0.1:5000/a/b:c'],
  ['Registry.Corp.Example/app:1', 'registry.corp.example/app:1'],
  ['GHCR.io/team/app', 'ghcr.io/team/app:latest'],
  ['registry.k8s.io/pause:3.10.1', 'registry.k8s.io/pause:3.10.1'],
  ['quay.io/a/b__c--d.e_f:T_1.2-x', 'quay.io/a/b__c--d.e_f:T_1.2-x'],
  [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
  [`nginx:1.27@${digest}`, `docker.io/library/nginx:1.27@${digest}`],
  [`ghcr.io/a/b:1@${digest}`, `ghcr.io/a/b:1@${digest}`],
  [`quay.io/a/b@${longDigest}`, `quay.io/a/b@${longDigest}`],
  [`quay.io/a/b:${'t'.repeat(128)}`, `quay.io/a/b:${'t'.repeat(128)}`],
];

/** Texts that are no references. Workloads may contain them. */
export const misspellings: readonly string[] = [
  '',
  ' ',
  'Nginx',
  'team/App',
  'nginx:',
  'nginx:-1',
  'nginx@',
  'nginx@sha256:abc',
  `nginx@sha256:${'g'.repeat(64)}`,
  `nginx@${digest}0`,
  `nginx@${digest}@${digest}`,
  'nginx:a:b',
  '/nginx',
  'nginx/',
  'a//b',
  'a..b/c',
  'a_b.c/app',
  '-a.example/app',
  'registry.example:port/app',
  'https://registry.example/app',
  '{{ .Values.image }}',
  '$(IMAGE)',
  'ünïcode',
  'nginx\nredis',
  '"nginx"',
  `quay.io/a:${'t'.repeat(129)}`,
  'nginx ',
  'nginx\n',
  'nginx?x=1',
  'nginx%2f..',
  'ghcr.io/Team/app',
  'GHCR.io/Team/app',
  'My_Registry/app',
  'ghcr.io/',
  'ghcr.io//app',
  'ghcr.io/../app',
  'ghcr.io/./app',
  'ghcr.io/team/../../app:1',
  'docker://nginx',
  'docker://',
  'DOCKER://nginx',
  'oci://ghcr.io/team/chart',
  'user:password@ghcr.io/team/app',
  '[::1/app',
  `nginx@${digest}:tag`,
  `nginx@${digest.toUpperCase()}`,
  `nginx@${digest}${digest.slice('sha256:'.length)}`,
  `nginx@${longDigest.slice(0, 'sha512:'.length + 64)}`,
];

/** All ways to write an image of Docker Hub's library, by tag and by digest. A digest wins over any tag. */
export function spellingsOf(name: string, tag: string, digestOfTag: string): readonly string[] {
  const prefixes = [
    ...['', 'library/', 'docker.io/', 'docker.io/library/', 'index.docker.io/', 'index.docker.io/library/'],
    ...['registry-1.docker.io/', 'registry-1.docker.io/library/'],
  ];
  const versions = [`:${tag}`, `@${digestOfTag}`, `:${tag}@${digestOfTag}`, `:moved@${digestOfTag}`];
  return prefixes.flatMap((prefix) => [
    ...versions.map((version) => `${prefix}${name}${version}`),
    ...(tag === 'latest' ? [`${prefix}${name}`] : []),
  ]);
}
