// Records the events of each step in the audit logs. Runs every step in a sandbox, first with an empty account and
// cluster, then after damage to one of the step's resources.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { steps } from '../src/steps/index.ts';
import { ACTIONS } from '../sandbox/registry/ecr-distribution.ts';
import { openWorld } from './world.mjs';

/** The CloudTrail event source of each service. */
const sources = {
  ecr: 'ecr.amazonaws.com',
  registry: 'ecr.amazonaws.com',
  iam: 'iam.amazonaws.com',
  secretsmanager: 'secretsmanager.amazonaws.com',
  sts: 'sts.amazonaws.com',
};

/** Settings that give every step a resource to damage. */
const config = `
project: demo
aws: { tags: { team: platform } }
repositories:
  scanOnPush: true
  lifecyclePolicy:
    rules:
      - rulePriority: 1
        selection: { tagStatus: untagged, countType: sinceImagePushed, countUnit: days, countNumber: 30 }
        action: { type: expire }
`;

/** @returns rows `{ name, aws, kubernetes }`; both `{ reads, changes }`, each a map of source or resource -> set of events or verbs */
export async function recordAudit() {
  const { run, apply, world, close } = await openWorld();
  const file = join(mkdtempSync(join(tmpdir(), 'ecr-bootstrap-audit-')), 'ecr-bootstrap.yaml');
  writeFileSync(file, config);
  const rows = new Map();
  let current;
  world.faults.onCall((call) => current && note(current, call, world));
  const record = async (name, work) => {
    const empty = () => ({ reads: new Map(), changes: new Map() });
    current = rows.get(name) ?? { name, aws: empty(), kubernetes: empty() };
    rows.set(name, current);
    const { exitCode, output } = await work();
    current = undefined;
    if (exitCode !== 0) throw new Error(`${name}: ${output}`);
    await world.cluster.settled();
  };
  const upStepByStep = async () => {
    for (const step of steps) await record(step.id, () => apply(step, file));
  };
  try {
    await upStepByStep();
    damage(world);
    await upStepByStep();
    await record('rotate', () => run(`rotate --yes -c ${file}`));
    await record('rotate', () => run(`rotate --yes --force -c ${file}`));
    await record('down', () => run(`down --yes -c ${file}`));
    // No client has used the key for a day.
    world.clock.advance(25 * 3_600_000);
    await record('down --aws', () => run(`down --yes --aws --delete-images --delete-secrets -c ${file}`));
  } finally {
    await close();
    rmSync(dirname(file), { recursive: true });
  }
  return [...rows.values()];
}

function note({ aws, kubernetes }, { service, operation, caller, writes }, world) {
  const kind = (parts) => (writes ? parts.changes : parts.reads);
  if (service === 'kubernetes') {
    const [verb, resource] = operation.split(' ');
    // Diagnosing and recreating a failed pod, and renewing the lease, depend on the timing of the run.
    const isChance = resource === 'events' || ['delete pods', 'update leases'].includes(operation);
    if (!resource.startsWith('/') && !isChance) add(kind(kubernetes), resource, verb);
    return;
  }
  const event = service === 'registry' ? ACTIONS[operation] : operation;
  const user = world.aws.identities.keys.get(caller ?? '')?.user.name;
  // The operator, the nodes and the verification of a key act as other users.
  if (event !== undefined && sources[service] !== undefined && user === 'admin')
    add(kind(aws), sources[service], event);
}

const add = (map, key, value) => map.set(key, (map.get(key) ?? new Set()).add(value));

/** Damages one resource of every step in a way that `up` repairs. */
function damage({ aws, cluster }) {
  const { identities, registry, secrets } = aws;
  for (const { tags } of [...identities.users.values(), ...identities.policies.values(), ...secrets.all()])
    tags.delete('team');
  for (const user of identities.users.values()) if (user.name !== 'admin') user.attached.clear();
  for (const policy of identities.policies.values()) {
    if (!policy.name.startsWith('ecr-bootstrap-')) continue;
    for (const id of ['v1', 'v2', 'v3', 'v4', 'v5']) {
      policy.versions.set(id, { document: '{"Statement":[]}', created: 0 });
    }
  }
  for (const { id, user } of identities.keys.values())
    if (user.name === 'image-puller') identities.keys.delete(id);
  for (const repository of registry.repositories.values()) {
    Object.assign(repository, { tagMutability: 'IMMUTABLE', scanOnPush: false, lifecyclePolicy: undefined });
    repository.awsTags.delete('team');
  }
  for (const secret of secrets.all()) secret.deletion = { at: 0, gone: Infinity };
  identities.settle();
  cluster.delete('Secret', 'puller', 'external-secrets');
}
