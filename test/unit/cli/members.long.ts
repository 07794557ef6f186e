import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Draft } from '../../../sandbox/cluster/index.ts';
import { type Cli, openCli, type CliResult } from '../../support/cli.ts';

/** Seconds that a run waits for a namespace without progress. */
const longWait = 180;
/** Milliseconds: some tests run a whole `up`. */
const slow = { timeout: 240_000 };

const encode = (text: string): string => Buffer.from(text).toString('base64');

const quota = (namespace: string, hard: Record<string, string>): Draft => ({
  kind: 'ResourceQuota',
  metadata: { name: 'few', namespace },
  spec: { hard },
});

/** A copy as an earlier run, or a user who set the same label, left it. */
const copy = (namespace: string, more: object): Draft => ({
  kind: 'Secret',
  metadata: { name: 'puller', namespace, labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' } },
  ...more,
});

interface Failure {
  readonly target: { readonly kind: string; readonly name: string };
  readonly error: { readonly code: string; readonly why: string; readonly hint: string };
}

let cli: Cli;
afterAll(() => cli.close());

const put = (...objects: Draft[]): void => objects.forEach((object) => void cli.world.cluster.put(object));
const namespaced = (name: string, ...objects: Draft[]): void =>
  put({ kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } }, ...objects);

const pullSecretsOf = (namespace: string): unknown =>
  cli.world.cluster.get('ServiceAccount', 'default', namespace)?.['imagePullSecrets'];

/** All members that a run reported, by name. */
function failuresIn({ document }: Awaited<ReturnType<Cli['json']>>): ReadonlyMap<string, Failure['error']> {
  const { steps } = document['result'] as { steps: readonly { failures: readonly Failure[] }[] };
  return new Map(
    steps.flatMap(({ failures }) =>
      failures.map(({ target, error }) => [`${target.kind} ${target.name}`, error] as const),
    ),
  );
}

/** Seconds of the cluster's time that a run takes. */
async function timed<R>(run: () => Promise<R>): Promise<{ readonly ran: R; readonly seconds: number }> {
  const start = cli.world.clock.now();
  const ran = await run();
  return { ran, seconds: (cli.world.clock.now() - start) / 1000 };
}

/** The namespaces that fail, each with the expected reason and fix. */
const members = [
  ['team-quota', /exceeded quota: few/, /kubectl -n team-quota describe quota/],
  ['team-sealed', /secret is immutable/, /kubectl -n team-sealed delete secret puller/],
  ['team-typed', /type: .*field is immutable/, /kubectl -n team-typed delete secret puller/],
] as const;

beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  await cli.world.cluster.settled();
  namespaced('team-fine');
  namespaced('team-quota', quota('team-quota', { 'count/secrets': '0' }));
  const type = 'kubernetes.io/dockerconfigjson';
  const data = { '.dockerconfigjson': encode('{"auths":{}}') };
  namespaced('team-sealed', copy('team-sealed', { type, data, immutable: true }));
  namespaced('team-typed', copy('team-typed', { type: 'Opaque', data: {} }));
  namespaced('team-ending', {
    kind: 'ConfigMap',
    metadata: { name: 'kept', namespace: 'team-ending', finalizers: ['team.example/hold'] },
  });
  cli.world.cluster.delete('Namespace', 'team-ending');
  // The admission policy is tested in the first namespace that accepts another service account.
  put(quota('default', { 'count/serviceaccounts': '1' }));
  await cli.world.cluster.settled();
}, slow.timeout);

describe('namespaces that accept no Secret', () => {
  let refused: () => void;
  beforeAll(() => {
    refused = cli.world.faults.plan({
      kind: 'deny',
      service: 'kubernetes',
      operation: 'patch serviceaccounts',
      resource: 'team-fine/default',
    });
  });
  afterAll(() => refused());

  it('do not stop the first up, which completes everything else without waiting for them', slow, async () => {
    const { ran, seconds } = await timed(() => cli.json('up --yes'));
    expect(seconds).toBeLessThan(longWait);
    expect({ code: ran.code, error: ran.document.error?.code }, ran.stderr).toEqual({
      code: 1,
      error: 'incomplete',
    });
    const failures = failuresIn(ran);
    expect([...failures.keys()].sort()).toEqual([
      'Namespace team-quota',
      'Namespace team-sealed',
      'Namespace team-typed',
      'ServiceAccount team-fine/default',
    ]);
    for (const [name, why, hint] of members) {
      const failure = failures.get(`Namespace ${name}`);
      expect(failure?.why).toMatch(why);
      expect(failure?.hint).toMatch(hint);
      expect(failure?.hint).toContain(`add "- ${name}" to namespaces.exclude`);
    }
    expect(failures.get('ServiceAccount team-fine/default')?.hint).toContain(
      'add "- team-fine/default" to serviceAccounts.exclude',
    );
    const { cluster, aws } = cli.world;
    expect(cluster.get('Secret', 'puller', 'team-fine')).toBeDefined();
    expect(pullSecretsOf('shop')).toEqual([{ name: 'puller' }]);
    expect(pullSecretsOf('team-quota')).toEqual([{ name: 'puller' }]);
    expect(cluster.list('MutatingAdmissionPolicyBinding')).toHaveLength(1);
    expect(aws.registry.repositories.get('shop/docker.io/library/nginx')).toBeDefined();
    const tags = [...(aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags.keys() ?? [])];
    expect(tags.some((tag) => tag.startsWith('ecr-bootstrap:cluster/'))).toBe(true);
  });

  it('are reported by a second up with the same fix, just as quickly', slow, async () => {
    const { ran, seconds } = await timed(() => cli.json('up --yes'));
    expect(seconds).toBeLessThan(longWait);
    expect(ran.code).toBe(1);
    const failures = failuresIn(ran);
    for (const [name, why, hint] of members) {
      expect(failures.get(`Namespace ${name}`)?.why).toMatch(why);
      expect(failures.get(`Namespace ${name}`)?.hint).toMatch(hint);
    }
  });

  it('are named when they are found, and explained once at the end', slow, async () => {
    const { code, stdout, stderr } = await cli.run('up --yes');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ {2}✗ Namespace team-quota failed \[.+\]$/m);
    expect((stderr + stdout).match(/exceeded quota/g)).toHaveLength(1);
    expect((stderr + stdout).match(/Raise the quota/g)).toHaveLength(1);
    expect(stdout).toMatch(/✗ namespace team-quota rejects the pull secret: .*exceeded quota/);
    expect(stderr).toContain('error: Namespace team-quota and 3 more failed; everything else is done');
  });

  it('do not make up write anything when the plan is empty', slow, async () => {
    const before = cli.world.faults.changes.length;
    const dry = await cli.run('up --dry-run --exit-code --skip service-accounts');
    expect(dry.code, dry.stdout).toBe(0);
    const ran = await cli.json('up --yes --skip service-accounts');
    expect(cli.world.faults.changes.slice(before)).toEqual([]);
    expect([...failuresIn(ran).keys()].sort()).toEqual(members.map(([name]) => `Namespace ${name}`));
    for (const [name, , hint] of members) {
      expect(failuresIn(ran).get(`Namespace ${name}`)?.hint).toMatch(hint);
      expect(failuresIn(ran).get(`Namespace ${name}`)?.hint).toContain(
        `kubectl annotate --overwrite -n ${name} externalsecret puller`,
      );
    }
  });

  it('are reported by status with the same fix', slow, async () => {
    const asReported = failuresIn(await cli.json('up --yes'));
    const { code, document } = await cli.json('status');
    expect(code).toBe(3);
    const { steps } = document['status'] as { steps: readonly { findings: readonly Finding[] }[] };
    const findings = steps.flatMap((step) => step.findings);
    for (const [name, why, hint] of members) {
      const found = findings.filter(({ target }) => target.kind === 'Namespace' && target.name === name);
      expect(found).toMatchObject([
        {
          level: 'failed',
          why: expect.stringMatching(why) as string,
          hint: expect.stringMatching(hint) as string,
        },
      ]);
    }
    expect(findings.filter(({ target }) => target.name === 'team-ending')).toEqual([]);
    const { why: reason, hint: fix } = asReported.get('ServiceAccount team-fine/default') ?? {};
    expect(findings.filter(({ target }) => target.name === 'team-fine/default')).toMatchObject([
      { code: 'change-rejected', why: reason, hint: fix },
    ]);
  });

  it('do not make rotate keep the old key: it disables the key and reports them', slow, async () => {
    const keys = () =>
      [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');
    const [before] = keys();
    const { ran, seconds } = await timed(() => cli.json('rotate --yes'));
    expect(seconds).toBeLessThan(longWait);
    expect({ code: ran.code, error: ran.document.error?.code }, ran.stderr).toEqual({
      code: 1,
      error: 'incomplete',
    });
    expect([...failuresIn(ran).keys()].sort()).toEqual(members.map(([name]) => `Namespace ${name}`));
    expect(keys().map(({ id, active }) => (id === before?.id ? `old ${active}` : `new ${active}`))).toEqual([
      'old false',
      'new true',
    ]);
  });

  it('are completed by the next up once each is fixed', slow, async () => {
    refused();
    cli.world.cluster.delete('ResourceQuota', 'few', 'team-quota');
    cli.world.cluster.delete('Secret', 'puller', 'team-sealed');
    cli.world.cluster.delete('Secret', 'puller', 'team-typed');
    const { ran, seconds } = await timed(() => cli.run('up --yes'));
    expect(ran.code, ran.stderr).toBe(0);
    expect(seconds).toBeLessThan(longWait);
    const status: CliResult = await cli.run('status');
    expect(status.code, status.stdout).toBe(0);
  });
});

interface Finding {
  readonly code: string;
  readonly level: string;
  readonly target: { readonly kind: string; readonly name: string };
  readonly why: string;
  readonly hint: string;
}

describe('a namespace with a problem that may be temporary', () => {
  /** A webhook without a server: it may become available later. */
  const guard = (operation: string): Draft => ({
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'guard' },
    webhooks: [
      {
        name: 'guard.team.example',
        clientConfig: { service: { name: 'absent', namespace: 'team-slow' } },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team-slow' } },
        rules: [{ apiGroups: [''], operations: [operation], resources: ['secrets'] }],
      },
    ],
  });

  it('is waited for and then reported, and the later steps still run', slow, async () => {
    put(guard('CREATE'));
    namespaced('team-slow');
    await cli.world.cluster.settled();
    const { ran, seconds } = await timed(() => cli.json('up --yes'));
    expect(seconds).toBeGreaterThan(150);
    expect(ran.code).toBe(1);
    expect(failuresIn(ran).get('Namespace team-slow')).toMatchObject({
      code: 'not-ready',
      why: expect.stringContaining('failed calling webhook') as string,
    });
    expect(pullSecretsOf('team-slow')).toEqual([{ name: 'puller' }]);
  });

  it('makes rotate keep the old key, because it may still receive the new one', slow, async () => {
    // Its copy exists now, but does not get the new token.
    cli.world.cluster.delete('ValidatingWebhookConfiguration', 'guard');
    cli.world.clock.advance(11 * 60_000);
    expect((await cli.run('up --yes')).code).toBe(0);
    put(guard('UPDATE'));
    const active = () =>
      [...cli.world.aws.identities.keys.values()].filter(
        ({ user, active: isActive }) => user.name === 'image-puller' && isActive,
      ).length;
    cli.world.clock.advance(14 * 3_600_000);
    await cli.world.cluster.settled();
    const { code, document } = await cli.json('rotate --yes');
    expect({ code, error: document.error?.code }).toEqual({ code: 1, error: 'not-ready' });
    expect(active()).toBe(2);
  });
});

describe('down', () => {
  it('removes everything else when a finalizer holds the Secret of one namespace', slow, async () => {
    cli.world.cluster.delete('ValidatingWebhookConfiguration', 'guard');
    const held = cli.world.cluster.get('Secret', 'puller', 'team-fine');
    if (!held) throw new Error('the copy is there');
    put({ ...held, metadata: { ...held.metadata, finalizers: ['team.example/hold'] } });
    const { ran, seconds } = await timed(() => cli.json('down --yes'));
    expect({ code: ran.code, error: ran.document.error?.code }, ran.stderr).toEqual({
      code: 1,
      error: 'incomplete',
    });
    expect([...failuresIn(ran)]).toMatchObject([
      ['Secret team-fine/puller', { why: 'it has finalizers: team.example/hold' }],
    ]);
    expect(seconds).toBeLessThan(longWait);
    expect(cli.world.cluster.get('Deployment', 'external-secrets', 'external-secrets')).toBeUndefined();
    expect(
      cli.world.cluster.list('Secret').filter(({ metadata }) => metadata.name === 'puller'),
    ).toHaveLength(1);
  });
});

it('down keeps the CRD of an ExternalSecret that a finalizer holds, and removes the rest', slow, async () => {
  await cli.close();
  cli = await openCli({}, { fast: true });
  namespaced('team-held');
  expect((await cli.run('up -q --yes')).code).toBe(0);
  await cli.world.cluster.settled();
  const held = cli.world.cluster.get('ExternalSecret', 'puller', 'team-held');
  if (!held) throw new Error('the copy is there');
  put({ ...held, metadata: { ...held.metadata, finalizers: ['team.example/hold'] } });
  const definitions = () =>
    cli.world.cluster.list('CustomResourceDefinition').map(({ metadata }) => metadata);
  for (const attempt of ['first', 'second']) {
    const { ran, seconds } = await timed(() => cli.json('down --yes'));
    expect(ran.code, `${attempt}: ${ran.stderr}`).toBe(1);
    expect([...failuresIn(ran)], attempt).toMatchObject([
      ['ExternalSecret team-held/puller', { why: 'it has finalizers: team.example/hold' }],
    ]);
    expect(seconds).toBeLessThan(longWait);
    expect(definitions(), attempt).toMatchObject([{ name: 'externalsecrets.external-secrets.io' }]);
    expect(definitions()[0]?.deletionTimestamp).toBeUndefined();
    expect(cli.world.cluster.get('Namespace', 'external-secrets')).toBeUndefined();
  }
  const { ...still } = cli.world.cluster.get('ExternalSecret', 'puller', 'team-held');
  put({
    ...still,
    kind: 'ExternalSecret',
    metadata: { ...still.metadata, name: 'puller', finalizers: [] },
  });
  expect((await cli.run('down --yes')).code).toBe(0);
  expect(definitions()).toEqual([]);
});
