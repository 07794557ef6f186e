import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../src/cluster/compare.ts';
import { refOf } from '../../src/clients/kubernetes/names.ts';
import type { KubeObject } from '../../src/clients/kubernetes/port.ts';
import type { Draft } from '../../sandbox/cluster/index.ts';
import { managedByLabel } from '../../src/core/ownership.ts';
import { type AwsLeaf, awsLeaves } from '../support/aws-drift.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { type Leaf, leavesOf } from '../support/leaves.ts';

/** Milliseconds: whole runs of `up` are part of all. */
const patient = { timeout: 240_000 };

/** Every setting that is optional, so that every field is set. */
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
/** As `up` applies them. */
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

/** All that is set, here and in AWS, by us and by others; not what the cluster itself counts and reports. */
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
  // A webhook that was made anew has another authority.
  const { cluster, ...aws } = all;
  const text = JSON.stringify(cluster, (key, value: unknown) => (key === 'caBundle' ? undefined : value));
  return structuredClone({ ...aws, cluster: JSON.parse(text) as unknown });
}

function settingsOf({ status: _, ...object }: KubeObject & { status?: unknown }): unknown {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, labels, annotations } = metadata;
  // Tokens are issued anew each time that the operator syncs.
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
}, patient.timeout);
afterAll(() => cli.close());

/** Spoils all of these, and expects a plan of exactly them, one `up` that repairs them, and nothing else moved. */
async function expectRepaired(spoil: () => readonly string[], args = ''): Promise<void> {
  await cli.world.cluster.settled();
  const before = snapshot();
  const lines = spoil();
  expect(lines.length).toBeGreaterThan(5);
  expect(linesOf(await plan(args)).sort()).toEqual([...lines].sort());
  const { code, stderr } = await cli.run(`up --yes -q ${args}`);
  expect(code, stderr).toBe(0);
  expect(linesOf(await plan(args))).toEqual([]);
  await cli.world.cluster.settled();
  expect(snapshot()).toEqual(before);
}

/** The operator's cert-controller puts these back by itself, perhaps before anybody looks. */
const isOperators = ({ path }: Leaf): boolean =>
  /^webhooks\[.*clientConfig\.service\.name(space)?$/.test(path);

/** They say which project the cluster is set up for. A change of them stops every run, so a person has to settle it. */
const isSetup = ({ path }: Leaf): boolean => /ecr-bootstrap\.dev\/(project|registry-host)/.test(path);

function spoilObjects(chosen: readonly KubeObject[], pick: (leaf: Leaf, index: number) => boolean): string[] {
  return chosen.flatMap((object) => {
    const leaves = leavesOf(object)
      .filter((leaf) => !isOperators(leaf) && !isSetup(leaf))
      .filter(pick);
    const spoilt = leaves.reduce((whole, leaf) => leaf.corrupt(whole), stored(object));
    cli.world.cluster.put(spoilt as Draft);
    return leaves.map(({ path }) => `${nameOf(object)}: ${path}`);
  });
}

const isDefinition = ({ kind }: KubeObject): boolean => kind === 'CustomResourceDefinition';

describe('whatever up sets and somebody else changes is planned, all of it and nothing more, and repaired', () => {
  it('in AWS: tags, boundaries, statements, attachments, settings', patient, async () => {
    // ECR and IAM never change these: they are findings.
    const leaves: AwsLeaf[] = awsLeaves(cli.world, first, ['path', 'encryption', 'kmsKeyId']);
    await expectRepaired(() => {
      for (const { corrupt } of leaves) corrupt();
      cli.world.aws.identities.settle();
      return leaves.map(({ line }) => line);
    });
  });

  it.each([0, 1])('in the cluster: every second field of every object, from %i on', patient, async (from) => {
    const chosen = objects.filter((object) => !isDefinition(object));
    await expectRepaired(() => spoilObjects(chosen, (_, index) => index % 2 === from));
  });

  it('in the definitions', patient, async () => {
    await expectRepaired(
      () => spoilObjects(objects.filter(isDefinition), () => true),
      '--only operator-crds',
    );
  });

  it('as a whole: every object that can go without taking others along', patient, async () => {
    const chosen = objects.filter(({ kind }) => !/^(CustomResourceDefinition|Namespace)$/.test(kind));
    await expectRepaired(() => {
      for (const { kind, metadata } of chosen)
        cli.world.cluster.delete(kind, metadata.name, metadata.namespace);
      return chosen.map(nameOf);
    });
  });

  it('in service accounts: our entry, and not those of others', patient, async () => {
    const chosen = cli.world.cluster
      .list('ServiceAccount')
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === undefined);
    await expectRepaired(() => {
      for (const account of chosen) cli.world.cluster.put({ ...account, imagePullSecrets: undefined });
      return chosen.map(
        ({ metadata: { namespace = '', name } }) => `ServiceAccount ${namespace}/${name}: imagePullSecrets`,
      );
    });
  });

  it('our mark: what lost it is found as not ours, and adopted when that is asked for', patient, async () => {
    const before = snapshot();
    for (const object of objects.map(stored)) {
      const { [managedByLabel]: _, ...labels } = object.metadata.labels ?? {};
      cli.world.cluster.put({ ...object, metadata: { ...object.metadata, labels } } as Draft);
    }
    const { document } = await cli.json('up --yes');
    const { steps } = document['plan'] as { steps: readonly { foreign?: readonly PlannedChange[] }[] };
    const found = steps
      .flatMap(({ foreign = [] }) => foreign)
      .map(({ target }) => `${target.kind} ${target.name}`);
    expect(found.sort()).toEqual(objects.map(nameOf).sort());
    const { code, stderr } = await cli.run('up -q --yes --adopt-all');
    expect(code, stderr).toBe(0);
    expect(linesOf(await plan())).toEqual([]);
    expect(snapshot()).toEqual(before);
  });

  it('each by itself, be it changed or taken away', () => {
    for (const object of objects) {
      for (const { path, corrupt, take } of leavesOf(object)) {
        expect(compare(object, corrupt(object)).map(pathOf)).toEqual([path]);
        if (take) expect(compare(object, take(object)).map(pathOf)).toEqual([path]);
      }
    }
  });
});
