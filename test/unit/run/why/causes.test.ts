import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/clients/kubernetes/port.ts';
import { BootstrapError } from '../../../../src/core/errors.ts';
import { finding } from '../../../../src/core/findings.ts';
import type { NodeAccess } from '../../../../src/nodes/agents.ts';
import { causeOf } from '../../../../src/run/why/causes.ts';
import type {
  AccessEvidence,
  CheckedSecret,
  Evidence,
  ImageEvidence,
  NodeEvidence,
  PodEvidence,
} from '../../../../src/run/why/evidence.ts';
import { viewOf } from '../../../../src/run/why/index.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const now = Date.parse('2026-01-01T00:00:00Z');
const denied = new BootstrapError({ code: 'cluster-denied', what: 'could not list x', why: 'no', hint: '' });

const object = (kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop', ...metadata },
  ...more,
});

const inEcr = { state: 'present', repository: 'demo/docker.io/library/nginx', tag: '1.28' } as const;

const image = (more: Partial<ImageEvidence> = {}): ImageEvidence => ({
  name: `${registryHost}/demo/docker.io/library/nginx:1.28`,
  container: 'main',
  route: 'ecr',
  host: registryHost,
  source: 'docker.io/library/nginx:1.28',
  isExcluded: false,
  instead: `${registryHost}/demo/docker.io/library/nginx:1.28`,
  inEcr,
  ...more,
});

const mirrored = (more: Partial<ImageEvidence> = {}): ImageEvidence =>
  image({ name: 'nginx:1.28', route: 'mirror', host: 'docker.io', ...more });

const credentials = '401 Unauthorized';

const pod = (more: Partial<PodEvidence> = {}): PodEvidence => ({
  object: object(
    'Pod',
    'web-1',
    { spec: { imagePullSecrets: [{ name: 'puller' }] } },
    { creationTimestamp: '2025-12-31T00:00:00Z' },
  ),
  workload: { kind: 'Deployment', name: 'web' },
  isStatic: false,
  isRunning: false,
  failure: { cause: 'credentials', why: credentials, image: image().name },
  ...more,
});

const secret = (more: Partial<CheckedSecret> = {}, metadata: object = {}): CheckedSecret => ({
  name: 'puller',
  object: object(
    'Secret',
    'puller',
    {},
    { labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' }, ...metadata },
  ),
  login: 'accepted',
  ...more,
});

const access = (more: Partial<AccessEvidence> = {}): AccessEvidence => ({
  pullSecret: 'puller',
  namespace: 'shop',
  account: {
    name: 'default',
    object: object('ServiceAccount', 'default'),
    lists: ['puller'],
    isExcluded: false,
  },
  listed: ['puller'],
  secrets: [secret()],
  now,
  ...more,
});

const state = (of: NodeAccess['state'], why = ''): NodeAccess => ({
  name: 'node-1',
  runtime: 'containerd://2.2.9',
  state: of,
  why,
});

const node = (more: Partial<NodeEvidence> = {}): NodeEvidence => ({
  name: 'node-1',
  object: object('Node', 'node-1'),
  isReady: true,
  hasDiskPressure: false,
  mirrored: ['docker.io'],
  access: state('active'),
  isTokenRefused: false,
  ...more,
});

const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  subject: 'Pod shop/web-1',
  users: ['Deployment shop/web'],
  pod: pod(),
  image: image(),
  node: node(),
  access: access(),
  supply: [],
  region: 'eu-west-1',
  project: 'demo',
  registryHost,
  ...more,
});

const throughMirror = (more: Partial<Evidence> = {}): Evidence => {
  const { access: _, ...rest } = evidence({
    image: mirrored(),
    pod: pod({ failure: { cause: 'not-found', why: 'nginx:1.28: not found', image: 'nginx:1.28' } }),
  });
  return { ...rest, ...more };
};

const supplied = (step: string) => [
  {
    step,
    finding: finding('drift', {
      target: { kind: 'Deployment', name: 'external-secrets/external-secrets' },
      what: 'Deployment external-secrets/external-secrets is missing',
      why: 'it is part of the configuration',
      hint: 'ecr-bootstrap up',
    }),
  },
];

const expired = { annotations: { 'ecr-bootstrap.dev/expires-at': String(now / 1000) } };
const reported = finding('node-agent-unready', {
  target: { kind: 'Node', name: 'node-1' },
  what: 'the agent on node node-1 is not ready',
  why: '/etc/containerd/certs.d/docker.io/hosts.toml is managed by another program',
  hint: 'Delete this file on the node.',
});
const upstream = 'dial tcp: lookup registry-1.docker.io: no such host';

describe('the cause', () => {
  it.each<[id: string, evidence: Evidence]>([
    ['token-expired', evidence({ access: access({ secrets: [secret({ login: 'refused' }, expired)] }) })],
    ['token-refused', evidence({ access: access({ secrets: [secret({ login: 'refused' })] }) })],
    ['pull-secret-other-registry', evidence({ access: access({ secrets: [secret({ login: undefined })] }) })],
    [
      'pull-secret-missing',
      evidence({ access: access({ secrets: [secret({ object: undefined, login: undefined })] }) }),
    ],
    [
      'pull-secret-unmanaged',
      evidence({ access: access({ secrets: [secret({ login: 'refused' }, { labels: {} })] }) }),
    ],
    [
      'operator',
      evidence({ access: access({ secrets: [secret({ login: 'refused' })] }), supply: supplied('operator') }),
    ],
    [
      'access-key',
      throughMirror({ node: node({ isTokenRefused: true }), supply: supplied('image-puller-key') }),
    ],
    [
      'renewal',
      throughMirror({ node: node({ access: state('failing') }), supply: supplied('pull-secret-refresh') }),
    ],
    ['node-token-refused', throughMirror({ node: node({ isTokenRefused: true }) })],
    [
      'files-of-others',
      throughMirror({ node: node({ access: state('failing'), finding: reported, isTokenRefused: true }) }),
    ],
    [
      'node-skipped',
      throughMirror({
        node: node({ access: state('skipped'), finding: { ...reported, why: 'it is not ready' } }),
      }),
    ],
    [
      'agent-not-ready',
      throughMirror({
        node: node({ access: state('starting'), finding: { ...reported, why: 'it has no agent yet' } }),
      }),
    ],
    ['node-skipped', throughMirror({ node: node({ access: state('skipped'), finding: reported }) })],
    ['mirror-ignored', throughMirror({ node: node({ access: state('inactive'), finding: reported }) })],
    ['node-without-agent', throughMirror({ node: node({ access: undefined }) })],
    [
      'created-before-node-access',
      throughMirror({ pod: pod({ failure: { cause: 'dns', why: upstream, image: 'nginx:1.28' } }) }),
    ],
    ['retry', throughMirror()],
    [
      'retry',
      evidence({ pod: pod({ failure: { cause: 'not-found', why: 'not found', image: image().name } }) }),
    ],
    [
      'platform',
      evidence({ pod: pod({ failure: { cause: 'platform', why: 'no match', image: image().name } }) }),
    ],
    [
      'platform-unavailable',
      evidence({ image: image({ inEcr: { ...inEcr, state: 'unavailable-platform' } }) }),
    ],
    [
      'dns',
      throughMirror({
        pod: pod({
          failure: { cause: 'dns', why: `lookup ${registryHost}: no such host`, image: 'nginx:1.28' },
        }),
      }),
    ],
    ['internet-image', evidence({ image: mirrored({ route: 'internet' }), node: node({ mirrored: [] }) })],
    ['disk-full', evidence({ node: node({ hasDiskPressure: true }) })],
    [
      'pull-failed',
      evidence({
        image: image({ inEcr: denied }),
        pod: pod({ failure: { cause: 'unknown-pull', why: 'odd', image: image().name } }),
      }),
    ],
  ])('is %s', (id, given) => {
    expect(causeOf(given)?.id).toBe(id);
  });

  it('is the missing tag although the token is refused too, because the copy is needed anyway', () => {
    const given = evidence({
      image: image({ inEcr: { ...inEcr, state: 'no-tag' } }),
      access: access({ secrets: [secret({ login: 'refused' })] }),
    });
    expect(causeOf(given)?.id).toBe('tag-missing');
  });

  it.each([
    ['no-tag', 'tag-missing'],
    ['no-digest', 'digest-missing'],
    ['no-repository', 'repository-missing'],
  ] as const)('has the fix of the source if neither ECR (%s) nor the source has the image', (absent, id) => {
    const unavailable = new BootstrapError({
      code: 'image-missing',
      what: 'could not find it',
      why: 'docker.io has no such image',
      hint: 'Fix the image reference.',
    });
    const lost = image({ inEcr: { ...inEcr, state: absent }, unavailable });
    expect(causeOf(evidence({ image: lost }))).toMatchObject({
      id,
      why: 'docker.io has no such image',
      fix: 'Fix the image reference.',
    });
  });

  it.each([
    [
      'the same name in this registry, for a repository of the project',
      'demo/web:1',
      'present',
      `kubectl -n shop set image deployment/web main=${registryHost}/demo/web:1`,
    ],
    [
      'its copy, for another repository',
      'team/app:1',
      'present',
      `kubectl -n shop set image deployment/web main=${image().instead ?? ''}`,
    ],
    [
      'a copy that ECR does not have yet',
      'team/app:1',
      'no-tag',
      'ecr-bootstrap mirror docker.io/library/nginx:1.28',
    ],
  ] as const)('of an image in ECR of another account has the fix to use %s', (_, path, found, fix) => {
    const name = `999999999999.dkr.ecr.eu-west-1.amazonaws.com/${path}`;
    const { access: _access, ...given } = evidence({
      image: image({ name, route: 'other-ecr', inEcr: { ...inEcr, state: found } }),
    });
    expect(causeOf(given)).toMatchObject({ id: 'other-registry', fix });
  });

  it('is never a guess about what could not be read', () => {
    const unread = evidence({
      image: image({ inEcr: denied }),
      node: node({ object: denied, access: denied, isTokenRefused: denied }),
      access: access({
        account: { name: 'default', object: denied, lists: [], isExcluded: false },
        secrets: [secret({ object: denied, login: undefined })],
      }),
    });
    expect(causeOf(unread)).toMatchObject({ id: 'pull-failed', why: credentials });
  });

  it('is not that of the pull secret if ECR accepts one that the pod lists itself', () => {
    const own = { listed: ['own'], secrets: [secret(), secret({ name: 'own' })] };
    expect(causeOf(evidence({ access: access(own) }))?.id).toBe('retry');
  });

  it('is the list of the pod if none of its own pull secrets works', () => {
    const own = { listed: ['own'], secrets: [secret(), secret({ name: 'own', login: 'refused' })] };
    expect(causeOf(evidence({ access: access(own) }))).toMatchObject({
      id: 'own-pull-secrets',
      why: 'ECR refuses its token',
      fix: 'Add puller to imagePullSecrets, or remove that list: kubectl -n shop edit deployment web',
    });
  });

  it('of a pod without a controller has a fix that creates it again', () => {
    const { workload: _, ...bare } = pod();
    expect(causeOf(evidence({ pod: bare }))?.fix).toContain('kubectl replace --force');
    expect(causeOf(evidence())?.fix).toBe('kubectl -n shop delete pod web-1');
  });

  it('changes the image of the controller, and not that of a pod that it would replace', () => {
    const given = evidence({ image: image({ route: 'alias' }) });
    expect(causeOf(given)?.fix).toBe(
      `kubectl -n shop set image deployment/web main=${image().instead ?? ''}`,
    );
    const job = evidence({
      image: image({ route: 'alias' }),
      pod: pod({ workload: { kind: 'Job', name: 'run' } }),
    });
    expect(causeOf(job)?.fix).toMatch(/^Change the image to .* in a new Job: its template cannot change\.$/);
  });

  it('edits a controller of another kind, whose image kubectl cannot set', () => {
    const given = evidence({
      image: image({ route: 'alias' }),
      pod: pod({ workload: { kind: 'Workflow', name: 'wf' } }),
    });
    expect(causeOf(given)?.fix).toBe(
      `Change the image to ${image().instead ?? ''}: kubectl -n shop edit workflow wf`,
    );
  });

  it('changes the manifest of a static pod, and not its mirror in the API', () => {
    const given = evidence({ image: image({ route: 'alias' }), pod: pod({ isStatic: true }) });
    expect(causeOf(given)?.fix).toMatch(/^Change the image to .* in the static pod's manifest on node /);
  });

  it('edits the workload that names the image if no pod exists, and nothing if no workload does', () => {
    const { pod: _pod, ...given } = evidence({
      subject: 'docker.io/a/b:1',
      image: image({ route: 'alias' }),
    });
    expect(causeOf({ ...given, users: ['images.list', 'Deployment shop/cache'] })?.fix).toBe(
      `kubectl -n shop set image deployment/cache main=${image().instead ?? ''}`,
    );
    expect(causeOf({ ...given, users: [] })?.fix).toBe(`Change the image to ${image().instead ?? ''}.`);
  });

  it('of a copy that ecr-bootstrap makes is up, because mirror refuses it', () => {
    const host = 'ecr-bootstrap.invalid';
    const absent = { state: 'no-tag', repository: 'demo/ecr-bootstrap.invalid/probe', tag: '1' } as const;
    const probe = image({ host, source: `${host}/probe:1`, inEcr: absent });
    expect(causeOf(evidence({ image: probe }))?.fix).toBe('ecr-bootstrap up');
  });

  it('is the refusal of a pod before everything about its image', () => {
    const { pod: _pod, ...given } = evidence({
      subject: 'StatefulSet shop/db',
      refusal: 'exceeded quota: none',
    });
    expect(causeOf(given)).toMatchObject({
      id: 'pods-refused',
      why: 'exceeded quota: none',
      fix: 'kubectl -n shop describe statefulset db',
    });
  });

  it('changes other fields of a static pod in its manifest too', () => {
    const failure = { cause: 'never-pull', why: 'x', image: image().name } as const;
    expect(causeOf(evidence({ pod: pod({ isStatic: true, failure }) }))?.fix).toMatch(
      /^Set imagePullPolicy: IfNotPresent in the static pod's manifest on node /,
    );
  });

  it('writes a bare pod to a file where Kubernetes lets no field change', () => {
    const { workload: _workload, ...bare } = pod({
      failure: { cause: 'never-pull', why: 'x', image: image().name },
    });
    expect(causeOf(evidence({ pod: bare }))?.fix).toBe(
      'Write the pod to a file: kubectl -n shop get pod web-1 -o yaml >web-1.yaml. Set imagePullPolicy: IfNotPresent there, then run: kubectl replace --force -f web-1.yaml',
    );
  });

  it('is not images.exclude for an image that ECR has for another platform', () => {
    const inOther = {
      state: 'no-platform',
      repository: 'demo/docker.io/library/nginx',
      tag: '1.28',
    } as const;
    const given = evidence({ image: image({ isExcluded: true, inEcr: inOther }) });
    expect(causeOf(given)?.id).toBe('platform-missing');
  });

  it('does not exist for a node that pulls from ECR', () => {
    const { pod: _pod, image: _image, access: _access, ...given } = evidence();
    expect(causeOf(given)).toBeUndefined();
  });
});

describe('the cause of an image that nodes pull from the internet', () => {
  const upstream = (more: object = {}) => ({
    host: 'ghcr.io',
    isMirrored: false,
    pending: [],
    missing: [],
    ...more,
  });
  const lacking = (name: string) => ({ image: name, why: `${name} is gone`, hint: 'Correct the reference.' });
  const causeWith = (value: ImageEvidence['upstream'], more: Partial<Evidence> = {}) => {
    const { access: _, ...rest } = evidence({
      image: image({
        name: 'ghcr.io/acme/web:2',
        route: 'internet',
        host: 'ghcr.io',
        source: 'ghcr.io/acme/web:2',
        ...(value !== undefined && { upstream: value }),
      }),
      ...more,
    });
    return causeOf(rest);
  };

  it('names the image that keeps its registry out, with the fix of that image', () => {
    expect(causeWith(upstream({ missing: [lacking('ghcr.io/acme/old:1')] }))).toEqual({
      id: 'host-not-mirrored',
      what: 'nodes do not pull ghcr.io from ECR because of ghcr.io/acme/old:1',
      why: 'ghcr.io/acme/old:1 is gone',
      fix: 'Correct the reference. Then run: ecr-bootstrap up',
    });
    const itself = upstream({ missing: [lacking('a'), lacking('ghcr.io/acme/web:2')] });
    expect(causeWith(itself)).toMatchObject({
      what: 'nodes do not pull ghcr.io from ECR because of this image and 1 more',
      why: 'ghcr.io/acme/web:2 is gone',
    });
    const two = upstream({ missing: [lacking('a'), lacking('b'), lacking('c')] });
    expect(causeWith(two)?.what).toBe('nodes do not pull ghcr.io from ECR because of a and 2 more');
  });

  it('names the images that up copies first', () => {
    const pending = ['a', 'b', 'c', 'd'].map(lacking);
    expect(causeWith(upstream({ pending }))).toMatchObject({
      id: 'host-not-mirrored',
      why: 'ECR does not have a, b, c and 1 more',
      fix: 'ecr-bootstrap up',
    });
    expect(causeWith(upstream({ pending: pending.slice(0, 3) }))?.why).toBe('ECR does not have a, b, c');
  });

  it('is that up has not run since a workload uses its registry, or that none does', () => {
    expect(causeWith(upstream())).toMatchObject({ id: 'host-not-mirrored', fix: 'ecr-bootstrap up' });
    expect(causeWith(upstream(), { users: [] })).toMatchObject({
      why: 'no workload uses an image of it',
      fix: 'Add ghcr.io/acme/web:2 to images.list, then run: ecr-bootstrap up',
    });
  });

  it('is nodes.hosts without its registry', () => {
    expect(causeWith('unlisted')).toMatchObject({
      id: 'host-not-mirrored',
      fix: 'Add ghcr.io to nodes.hosts, then run: ecr-bootstrap up',
    });
  });

  it.each<[string, ImageEvidence['upstream']]>([
    ['nodes.access is off, so only names in ECR are pulled from ECR', undefined],
    ['nodes pull only registries with a domain name and without a port from ECR', 'unsupported'],
    [
      'its name in ECR is demo/docker.io/library/nginx, and nodes ask for another one',
      upstream({ isMirrored: true }),
    ],
    ['could not list x: no', denied],
  ])('is the name that the workload uses: %s', (why, value) => {
    expect(causeWith(value)).toMatchObject({
      id: 'internet-image',
      why,
      fix: `kubectl -n shop set image deployment/web main=${image().instead ?? ''}`,
    });
  });
});

describe('the cause of a pod whose node cannot pull the pause image', () => {
  const pause = 'registry.k8s.io/pause:3.10';
  const causeWith = (more: Partial<ImageEvidence>, of: Partial<Evidence> = {}) => {
    const { access: _, ...rest } = throughMirror({
      image: mirrored({ name: pause, host: 'registry.k8s.io', source: pause, ...more }),
      pod: pod({ failure: { cause: 'not-found', why: `${pause}: not found`, image: pause, isPause: true } }),
      ...of,
    });
    return causeOf(rest);
  };

  it('has the fix of that image', () => {
    expect(causeWith({ inEcr: { ...inEcr, state: 'no-tag', tag: '3.10' } })).toEqual({
      id: 'pause-image',
      what: `node node-1 cannot pull the pause image ${pause}, which every pod needs`,
      why: 'ECR does not have the tag 3.10: the repository demo/docker.io/library/nginx exists, without this tag',
      fix: `ecr-bootstrap mirror ${pause}`,
    });
  });

  it('has the fix of its registry', () => {
    const upstream = { host: 'registry.k8s.io', isMirrored: false, pending: [], missing: [] };
    expect(causeWith({ route: 'internet', upstream })).toMatchObject({
      id: 'pause-image',
      fix: 'ecr-bootstrap up',
    });
  });

  it('has the fix of its node', () => {
    const failing = node({ access: state('inactive'), finding: reported });
    expect(causeWith({}, { node: failing })).toMatchObject({ fix: 'Delete this file on the node.' });
  });

  it.each<[string, Partial<ImageEvidence>]>([
    ['the internet', { route: 'internet' }],
    ['a registry that nodes never pull from ECR', { route: 'internet', upstream: 'unsupported' }],
    ['its name in ECR, for which the container runtime has no credentials', { route: 'ecr' }],
  ])('has no command that changes the pod if it is pulled from %s', (_, more) => {
    const found = causeWith(more);
    expect(found).toMatchObject({ id: 'pause-image', why: `${pause}: not found` });
    expect(found?.fix).toMatch(/^Load it onto node-1: .*kubeadm\.md#static-pods-and-the-pause-image$/);
  });
});

describe('the view', () => {
  it('is healthy for a pod that runs, with what would prevent another pull', () => {
    const { failure: _, ...running } = pod({ isRunning: true });
    const view = viewOf(evidence({ pod: running, image: image({ inEcr: { ...inEcr, state: 'no-tag' } }) }));
    expect(view).toMatchObject({ verdict: 'healthy', cause: { id: 'tag-missing' } });
  });

  it('leads to an unknown verdict if nothing wrong was found, but not all was checked', () => {
    const { pod: _pod, access: _access, ...given } = evidence({ image: image() });
    expect(viewOf(given).verdict).toBe('healthy');
    expect(viewOf({ ...given, image: image({ inEcr: denied }) }).verdict).toBe('unknown');
  });

  it('marks what could not be checked, and says why', () => {
    const view = viewOf(evidence({ image: image({ inEcr: denied }) }));
    expect(view.chain).toContainEqual({
      link: 'ecr',
      state: 'unknown',
      text: 'not checked: could not list x: no',
    });
  });

  it('leaves the host of ECR out of names, and keeps it in URLs', () => {
    const why = `Head "https://${registryHost}/v2/": 401 Unauthorized`;
    const { chain } = viewOf(
      evidence({ pod: pod({ failure: { cause: 'credentials', why, image: image().name } }) }),
    );
    expect(chain[0]?.text).toBe('demo/docker.io/library/nginx:1.28, named by Deployment shop/web');
    expect(chain.at(-1)?.text).toContain(`https://${registryHost}/v2/`);
  });

  it('shows every link of a pull by a pull secret, in order', () => {
    const links = viewOf(evidence()).chain.map(({ link, state: mark }) => `${link} ${mark}`);
    expect(links).toEqual(['image ok', 'node ok', 'ecr ok', 'pull-secret ok', 'token ok', 'kubelet failed']);
  });

  it('shows every link of a pull through a mirror, in order', () => {
    const links = viewOf(throughMirror()).chain.map(({ link }) => link);
    expect(links).toEqual(['image', 'node', 'mirror', 'token', 'ecr', 'kubelet']);
  });
});
