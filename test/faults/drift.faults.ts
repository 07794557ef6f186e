import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../src/cluster/compare.ts';
import { refOf } from '../../src/clients/kubernetes/names.ts';
import type { KubeObject } from '../../src/clients/kubernetes/port.ts';
import type { Draft } from '../../sandbox/cluster/index.ts';
import { managedByLabel, nodeNamespace } from '../../src/core/ownership.ts';
import { type AwsLeaf, awsLeaves } from '../support/aws-drift.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { type Leaf, leavesOf } from '../support/leaves.ts';

/** Milliseconds. Every test contains whole runs of `up`. */
const slow = { timeout: 240_000 };

/** Every optional setting, so that every field is set. */
const config = `
aws: { tags: { team: ours } }
users:
  powerUser: { permissionsBoundary: arn:aws:iam::aws:policy/AdministratorAccess }
  imagePuller: { permissionsBoundary: arn:aws:iam::aws:policy/AdministratorAccess }
repositories:
  scanOnPush: true
  encryption: { type: KMS }
  lifecyclePolicy: { rules: [{ rulePriority: 1, selection: { tagStatus: any, countType: imageCountMoreThan, countNumber: 5 }, action: { type: expire } }] }
externalSecrets:
  env: { LEVEL: high }
  nodeSelector: { kubernetes.io/os: linux }
  tolerations: [{ key: special, operator: Exists }]
  resources: { limits: { memory: 512Mi } }
`;

interface PlannedChange {
  readonly action: string;
  readonly target: { readonly kind: string; readonly name: string };
  readonly fields: readonly { readonly path: string }[];
}

let cli: Cli;
let first: readonly PlannedChange[];
/** The objects as `up` applies them. */
let objects: readonly KubeObject[];

async function plan(args = ''): Promise<readonly PlannedChange[]> {
  const { document } = await cli.json(`up --dry-run ${args}`);
  const { steps } = document['plan'] as { steps: readonly { changes: readonly PlannedChange[] }[] };
  return steps.flatMap(({ changes }) => changes);
}

const linesOf = (changes: readonly PlannedChange[]): string[] =>
  changes.flatMap(({ action, target, fields }) => {
    const name = `${target.kind} ${target.name}`;
    return action === 'update' || action === 'replace'
      ? fields.map(({ path }) => `${name}: ${path}`)
      : [name];
  });

const stored = (object: KubeObject): KubeObject => {
  const { kind, name, namespace } = refOf(object);
  const found = cli.world.cluster.get(kind, name, namespace);
  if (!found) throw new Error(`${kind} ${name} is not there`);
  return found;
};

const pathOf = ({ path }: { readonly path: string }): string => path;

const nameOf = ({ kind, metadata: { namespace, name } }: KubeObject): string =>
  `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;

/** All settings in the cluster and in AWS, managed or not, without what the cluster itself counts and reports. */
function snapshot(): unknown {
  const { identities, registry, secrets } = cli.world.aws;
  const kinds = new Set([...objects.map(({ kind }) => kind), 'ConfigMap']);
  const all = {
    cluster: [...kinds].flatMap((kind) => cli.world.cluster.list(kind)).map(settingsOf),
    users: [...identities.users.values()].map(({ name, path, tags, attached, boundary }) => ({
      ...{ name, path, boundary },
      ...{ tags, attached },
    })),
    policies: [...identities.policies.values()].map(({ arn, tags, versions, defaultVersion }) => ({
      ...{ arn, tags },
      document: JSON.parse(versions.get(defaultVersion)?.document ?? '') as unknown,
    })),
    repositories: [...registry.repositories.values()].map(
      ({ name, awsTags, tagMutability, scanOnPush, lifecyclePolicy }) => ({
        ...{ name, awsTags, tagMutability, scanOnPush },
        lifecyclePolicy: JSON.parse(lifecyclePolicy ?? 'null') as unknown,
      }),
    ),
    secrets: [...secrets.all()].map(({ name, tags, versions }) => ({ name, tags, versions })),
    keys: [...identities.keys.values()].map(({ id, active }) => ({ id, active })),
  };
  // A recreated webhook has another CA.
  const { cluster, ...aws } = all;
  const text = JSON.stringify(cluster, (key, value: unknown) => (key === 'caBundle' ? undefined : value));
  return structuredClone({ ...aws, cluster: JSON.parse(text) as unknown });
}

function settingsOf({ status: _, ...object }: KubeObject & { status?: unknown }): unknown {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, labels, annotations } = metadata;
  // The operator issues new tokens at each sync.
  if (kind === 'Secret')
    return { name, namespace, type: object['type'], keys: Object.keys(object['data'] ?? {}) };
  const fields = Object.entries(object).filter(([key]) => key !== 'metadata');
  return { ...Object.fromEntries(fields), apiVersion, kind, name, namespace, labels, annotations };
}

beforeAll(async () => {
  cli = await openCli({}, { fast: true, config });
  first = await plan();
  const { code, stderr } = await cli.run('up --yes -q');
  expect(code, stderr).toBe(0);
  const { document } = await cli.json('render');
  ({ objects } = document['objects'] as { objects: readonly KubeObject[] });
}, slow.timeout);
afterAll(() => cli.close());

/** Corrupts settings. Expects a plan of exactly these, one `up` that repairs them, and no other change. */
async function expectRepaired(corrupt: () => readonly string[], args = ''): Promise<void> {
  await cli.world.cluster.settled();
  const before = snapshot();
  const lines = corrupt();
  expect(lines.length).toBeGreaterThan(5);
  expect(linesOf(await plan(args)).sort()).toEqual([...lines].sort());
  const { code, stderr } = await cli.run(`up --yes -q ${args}`);
  expect(code, stderr).toBe(0);
  expect(linesOf(await plan(args))).toEqual([]);
  await cli.world.cluster.settled();
  expect(snapshot()).toEqual(before);
}

/** The operator's cert-controller restores these itself, possibly before the next read. */
const isOperators = ({ path }: Leaf): boolean =>
  /^webhooks\[.*clientConfig\.service\.name(space)?$/.test(path);

/**
 * These annotations record the project that the cluster is set up for. A change stops every run, because only a
 * person can decide.
 */
const isSetup = ({ path }: Leaf): boolean => /ecr-bootstrap\.dev\/(project|registry-host)/.test(path);

function corruptObjects(
  chosen: readonly KubeObject[],
  pick: (leaf: Leaf, index: number) => boolean,
): string[] {
  return chosen.flatMap((object) => {
    const leaves = leavesOf(object)
      .filter((leaf) => !isOperators(leaf) && !isSetup(leaf))
      .filter(pick);
    const corrupted = leaves.reduce((whole, leaf) => leaf.corrupt(whole), stored(object));
    cli.world.cluster.put(corrupted as Draft);
    return leaves.map(({ path }) => `${nameOf(object)}: ${path}`);
  });
}

const isDefinition = ({ kind }: KubeObject): boolean => kind === 'CustomResourceDefinition';

describe('up after changes outside ecr-bootstrap', () => {
  it(
    'repairs exactly the changed tags, boundaries, statements, attachments and settings in AWS',
    slow,
    async () => {
      // ECR and IAM cannot change these, so they are findings.
      const leaves: AwsLeaf[] = awsLeaves(cli.world, first, ['path', 'encryption', 'kmsKeyId']);
      await expectRepaired(() => {
        for (const { corrupt } of leaves) corrupt();
        cli.world.aws.identities.settle();
        return leaves.map(({ line }) => line);
      });
    },
  );

  it.each([0, 1])(
    'repairs exactly every second field of every object in the cluster, starting with field %i',
    slow,
    async (from) => {
      const chosen = objects.filter((object) => !isDefinition(object));
      await expectRepaired(() => corruptObjects(chosen, (_, index) => index % 2 === from));
    },
  );

  it('repairs exactly the changed fields of CRDs', slow, async () => {
    await expectRepaired(
      () => corruptObjects(objects.filter(isDefinition), () => true),
      '--only operator-crds',
    );
  });

  it('recreates exactly the deleted objects, except those whose deletion cascades', slow, async () => {
    const chosen = objects.filter(({ kind }) => !/^(CustomResourceDefinition|Namespace)$/.test(kind));
    await expectRepaired(() => {
      for (const { kind, metadata } of chosen)
        cli.world.cluster.delete(kind, metadata.name, metadata.namespace);
      return chosen.map(nameOf);
    });
  });

  it('restores its own entry in service accounts, and changes no other entry', slow, async () => {
    // The agent on nodes lists the pull secret itself.
    const chosen = cli.world.cluster
      .list('ServiceAccount')
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === undefined)
      .filter(({ metadata }) => metadata.namespace !== nodeNamespace);
    await expectRepaired(() => {
      for (const account of chosen) cli.world.cluster.put({ ...account, imagePullSecrets: undefined });
      return chosen.map(
        ({ metadata: { namespace = '', name } }) => `ServiceAccount ${namespace}/${name}: imagePullSecrets`,
      );
    });
  });

  it(
    'reports objects that lost the managed-by label as unmanaged, and adopts them with --adopt-all',
    slow,
    async () => {
      const before = snapshot();
      for (const object of objects.map(stored)) {
        const { [managedByLabel]: _, ...labels } = object.metadata.labels ?? {};
        cli.world.cluster.put({ ...object, metadata: { ...object.metadata, labels } } as Draft);
      }
      const { document } = await cli.json('up --yes');
      const { steps } = document['plan'] as { steps: readonly { unmanaged?: readonly PlannedChange[] }[] };
      const found = steps
        .flatMap(({ unmanaged = [] }) => unmanaged)
        .map(({ target }) => `${target.kind} ${target.name}`);
      expect(found.sort()).toEqual(objects.map(nameOf).sort());
      const { code, stderr } = await cli.run('up -q --yes --adopt-all');
      expect(code, stderr).toBe(0);
      expect(linesOf(await plan())).toEqual([]);
      expect(snapshot()).toEqual(before);
    },
  );

  it('detects each changed or removed field, and no other field', () => {
    for (const object of objects) {
      for (const { path, corrupt, take } of leavesOf(object)) {
        expect(compare(object, corrupt(object)).map(pathOf)).toEqual([path]);
        if (take) expect(compare(object, take(object)).map(pathOf)).toEqual([path]);
      }
    }
  });
});
