import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../sandbox/faults.ts';
import { type AwsLeaf, awsLeaves } from '../support/aws-drift.ts';
import { type Decision, type Named, unusedActions, recordDecisions } from '../support/access.ts';
import { type Cli, openCli, type CliResult } from '../support/cli.ts';
import { pullAsRuntime, pushAsDocker } from '../support/registry-requests.ts';

/** Milliseconds. Some tests contain whole runs of `up`. */
const slow = { timeout: 240_000 };

const boundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
/** Every setting that needs permissions. */
const config = `
project: shop
aws: { tags: { team: ours } }
users:
  powerUser: { permissionsBoundary: ${boundary} }
  imagePuller: { permissionsBoundary: ${boundary} }
secrets: { kmsKeyId: 1234abcd-12ab-34cd-56ef-1234567890ab }
repositories:
  scanOnPush: true
  lifecyclePolicy: { rules: [{ rulePriority: 1, selection: { tagStatus: any, countType: imageCountMoreThan, countNumber: 5 }, action: { type: expire } }] }
externalSecrets: { caBundle: ca.pem }
`;
/** A user with the permissions that `policy cluster` prints, and no others in the cluster. */
const deployer = 'deployer';

interface PlannedChange {
  readonly target: { readonly kind: string; readonly name: string };
  readonly fields: readonly { readonly path: string }[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Role {
  readonly kind: string;
  readonly rules?: readonly Rule[];
}

let cli: Cli;
let decisions: Decision[];
let rules: readonly Rule[];
const documents = new Map<string, readonly Named[]>();
let leaves: readonly AwsLeaf[];
/** The requests to the API server, for example `patch serviceaccounts`. */
const asked = new Set<string>();

const by = (user: string): Decision[] => decisions.filter((one) => one.user === user);

async function printed(name: string): Promise<Record<string, unknown>> {
  const { document } = await cli.json(`policy ${name}`);
  return (document['document'] as { document: Record<string, unknown> }).document;
}

/**
 * Expected denials. Secrets Manager evaluates a missing secret by its bare name, which no policy for existing
 * secrets covers. The user who pushes creates the power-user's key manually; `up` would only remind of it.
 */
const isExpectedDenial = ({ action, resource }: Decision): boolean =>
  (action === 'secretsmanager:DescribeSecret' && !cli.world.aws.secrets.get(resource)) ||
  (action === 'iam:ListAccessKeys' && resource.endsWith('/power-user'));

function keyOf(user: string): { readonly id: string; readonly secret: string } {
  const { identities } = cli.world.aws;
  const found = identities.users.get(user);
  if (!found) throw new Error(`no ${user}`);
  return [...identities.keys.values()].find((one) => one.user === found) ?? identities.addKey(found);
}

/** Runs as a user of AWS and as the deployer in the cluster. */
function run(user: string, line: string): Promise<CliResult> {
  const { id, secret } = keyOf(user);
  const env = {
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    KUBECONFIG: join(cli.folder, deployer),
  };
  return cli.run(line, { env });
}

/** Runs a command that must succeed without a denied request. */
async function succeed(user: string, line: string): Promise<void> {
  const { code, stdout, stderr } = await run(user, line);
  expect(code, `${line}: ${stderr}${stdout}`).toBe(0);
  expect(by(user).filter((one) => !one.allowed && !isExpectedDenial(one))).toEqual([]);
  await cli.world.cluster.settled();
}

/** Breaks everything in AWS except users and policies. */
function breakKeyAndRepositories(): void {
  const { identities, secrets } = cli.world.aws;
  for (const { line, corrupt } of leaves) if (!line.startsWith('IAM')) corrupt();
  for (const key of identities.keys.values()) {
    if (key.user.name === 'image-puller') identities.keys.delete(key.id);
  }
  for (const secret of secrets.all()) secret.deletion = { at: 0, gone: Infinity };
}

/** A plan reads the policies of a repository and of a secret that can be adopted. */
async function planUnmanaged(user: string): Promise<void> {
  const { registry, secrets } = cli.world.aws;
  const resources = [...registry.repositories.values()].map(({ awsTags }) => awsTags);
  const tags = [...resources, ...secrets.all().map((secret) => secret.tags)];
  const before = tags.map((one) => [...one]);
  for (const one of tags) one.clear();
  await run(user, 'up --dry-run');
  for (const [index, one] of tags.entries())
    for (const [key, value] of before[index] ?? []) one.set(key, value);
}

function breakUsers(): void {
  const { identities } = cli.world.aws;
  for (const { line, corrupt } of leaves) if (line.startsWith('IAM')) corrupt();
  const policy = identities.policies.get(identities.arn('policy', '/', 'ecr-bootstrap-power-user'));
  // IAM keeps five versions, so an update has to delete the oldest one.
  for (const id of ['v2', 'v3', 'v4', 'v5'])
    policy?.versions.set(id, { document: '{"Statement":[]}', created: 0 });
  identities.settle();
}

/** Deletes the operator's secrets and pods, and leaves the lease of a killed run. */
async function breakOperator(): Promise<void> {
  const { cluster } = cli.world;
  for (const name of ['image-puller', 'puller']) cluster.delete('Secret', name, 'external-secrets');
  for (const { metadata } of cluster.list('Pod', 'external-secrets')) {
    cluster.delete('Pod', metadata.name, 'external-secrets');
  }
  const spec = {
    holderIdentity: 'ann@elsewhere/1',
    leaseDurationSeconds: 30,
    renewTime: '2026-01-01T00:00:00Z',
  };
  cluster.put({ kind: 'Lease', metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' }, spec });
  await cluster.settled();
}

beforeAll(async () => {
  cli = await openCli({}, { fast: true, config });
  const { world } = cli;
  world.aws.registry.settings.set('BLOB_MOUNTING', 'ENABLED');
  const onOneBase = { platforms: ['linux/amd64'], base: ['a base of two'] };
  world.sources.get('docker.io')?.seed('library/redis', '7', onOneBase);
  world.sources.get('docker.io')?.seed('library/valkey', '8', onOneBase);
  for (const name of ['first-run', 'power-user', 'image-puller']) {
    documents.set(name, (await printed(name))['Statement'] as Named[]);
  }
  const Statement = documents.get('first-run');
  const { identities } = world.aws;
  const policy = identities.addPolicy(world.account, 'first-run', '/', JSON.stringify({ Statement }));
  world.aws.addUser('installer', policy.arn);
  const { items } = (await printed(`cluster --user ${deployer}`)) as { items: readonly Role[] };
  rules = items.flatMap((role) => role.rules ?? []);
  for (const item of items) world.cluster.put(item as never);
  writeFileSync(
    join(cli.folder, deployer),
    world.cluster.kubeconfig(world.clusterUrl, world.caPem, deployer),
  );
  const { document } = await cli.json('up --dry-run');
  const { steps } = document['plan'] as { steps: readonly { changes: readonly PlannedChange[] }[] };
  decisions = recordDecisions(world);
  world.faults.onCall(({ service, operation, caller }: Call) => {
    if (service === 'kubernetes' && caller === deployer) asked.add(operation);
  });
  await succeed('installer', 'up --yes');
  const created = steps.flatMap(({ changes }) => changes);
  leaves = awsLeaves(world, created, ['path', 'encryption', 'kmsKeyId']);
}, slow.timeout);
afterAll(() => cli.close());

describe('the first-run policy', () => {
  it('allows a first up, every repair and every rotation', slow, async () => {
    breakUsers();
    breakKeyAndRepositories();
    await succeed('installer', 'up --yes');
    const managed = join(cli.folder, 'managed.yaml');
    writeFileSync(managed, config.replace('powerUser: {', 'powerUser: { policy: managed,'));
    await succeed('installer', `up --yes --only power-user --config ${managed}`);
    await succeed('installer', 'up --yes --only power-user');
    await succeed('installer', 'rotate --yes');
    await succeed('installer', 'rotate --yes --force');
    await succeed('installer', 'down --yes');
    await succeed('installer', 'up --yes');
  });

  it('allows the deletion of unused images', slow, async () => {
    cli.world.aws.registry.seed('shop/docker.io/library/nginx', 'unused');
    await succeed('installer', 'images --prune --yes');
    const repository = cli.world.aws.registry.repositories.get('shop/docker.io/library/nginx');
    expect(repository?.tags.has('unused')).toBe(false);
  });
});

describe('the power-user policy', () => {
  it.each(['status', 'up --yes', 'mirror redis:7 valkey:8', 'rotate --yes', 'rotate --yes --force'])(
    'allows %s',
    slow,
    (line) => succeed('power-user', line),
  );

  it('allows an up that repairs everything except users and policies', slow, async () => {
    breakKeyAndRepositories();
    await succeed('power-user', 'up --yes');
    breakKeyAndRepositories();
    for (const secret of cli.world.aws.secrets.all()) secret.deletion = { at: 0, gone: 0 };
    await succeed('power-user', 'up --yes');
  });
});

describe('every permission is needed', () => {
  it('in the cluster role, which also allows down', slow, async () => {
    await breakOperator();
    // A run with an empty plan deletes no pod.
    cli.world.cluster.delete('Service', 'external-secrets-webhook', 'external-secrets');
    // This step alone cannot restore the pull secret. It diagnoses the pods and recreates them.
    expect((await run('power-user', 'up --yes --only operator')).stderr).toContain('rejects the pull secret');
    await succeed('power-user', 'up --yes');
    // The status of a node whose agent is not ready includes the last line of its log.
    const [file] = Object.keys(cli.world.cluster.machine('node-1').files);
    cli.world.cluster.machine('node-1').writeFile(file ?? '', '# another program\n');
    await cli.world.cluster.settled();
    expect((await run('power-user', 'status')).stdout).toContain('is managed by another program');
    await succeed('power-user', 'down --yes');
    const needless = rules.flatMap(({ resources: [resource = ''], verbs }) =>
      verbs.filter((verb) => !isAsked(verb, resource)).map((verb) => `${verb} ${resource}`),
    );
    expect(needless).toEqual([]);
  });

  it.each(['installer', 'power-user'])('in the policy of %s', slow, async (user) => {
    await planUnmanaged(user);
    // The Docker engine checks for a blob before it uploads it, and uploads in chunks.
    await pushAsDocker(cli.world, keyOf(user));
    const name = user === 'installer' ? 'first-run' : user;
    expect(unusedActions(documents.get(name) ?? [], by(user))).toEqual([]);
  });

  it('in the policy of image-puller', slow, async () => {
    await pullAsRuntime(cli.world, keyOf('image-puller'));
    expect(unusedActions(documents.get('image-puller') ?? [], by('image-puller'))).toEqual([]);
  });
});

function isAsked(verb: string, resource: string): boolean {
  // The sandbox serves none.
  if (resource === 'persistentvolumeclaims') return true;
  // A CRD's objects are listed whatever their kind.
  if (resource === '*') return [...asked].some((one) => one.startsWith(`${verb} `));
  // For an apply that creates an object, the API server also requires `create`. It judges roles by two special
  // verbs.
  const stands = { create: 'patch', escalate: 'patch', bind: 'patch' }[verb] ?? verb;
  return asked.has(`${verb} ${resource}`) || asked.has(`${stands} ${resource}`);
}
