import { expect } from 'vitest';
import type { AccessKey } from '../../sandbox/aws/identities.ts';
import { forgetSecrets } from '../../src/core/secret.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { watchRegistration } from '../support/registrations.ts';
import { remainingFiles, remainingInAws, remainingObjects } from '../support/remaining.ts';

/** A run that a fault interrupts, and the commands that must restore order afterwards. */
export interface Story {
  readonly name: string;
  readonly command: string;
  /** Whether the run starts without anything installed. Otherwise it starts with everything in order. */
  readonly fromNothing?: true;
  /** Prepares the run, once everything is in order. */
  prepare?(cli: Cli): Promise<void>;
  /** A replaced key stays, disabled, for as long as its tokens may be valid. */
  readonly keepsDisabledKey?: true;
  /** The commands that a person would run after the failed run. Each must succeed. */
  readonly recovery: readonly string[];
  /** The recovery command that may refuse to start. It must change nothing, and its fix must be the next command. */
  readonly mayRefuse?: string;
  /** The commands after a run that succeeded despite the fault. */
  readonly afterwards: readonly string[];
  /** Checks the result of the command itself, before any other command. */
  readonly expectDone?: (cli: Cli) => void;
}

export const firstUp: Story = {
  name: 'a first up',
  command: 'up --yes',
  fromNothing: true,
  recovery: ['up --yes'],
  afterwards: [],
};

export const repairingUp: Story = {
  name: 'an up that repairs damage',
  command: 'up --yes',
  prepare: damage,
  recovery: ['up --yes'],
  afterwards: [],
};

export const rotation: Story = {
  name: 'a rotation',
  command: 'rotate --yes',
  prepare: forgetRotation,
  keepsDisabledKey: true,
  recovery: ['up --yes', 'rotate --yes'],
  afterwards: [],
};

/** The response to a leak: no key may be created while AWS still accepts an older one. */
export const forcedRotation: Story = {
  name: 'a forced rotation',
  command: 'rotate --force --yes',
  prepare: watchLeakedKeys,
  // An `up` that finds a working new key leaves the disabled key to a later run.
  keepsDisabledKey: true,
  recovery: ['up --yes'],
  afterwards: [],
};

/** As above, for a person who runs the same command again. */
export const forcedRotationAgain: Story = {
  ...forcedRotation,
  name: 'a forced rotation that is repeated',
  recovery: ['rotate --force --yes'],
};

/** As above, for a person who then tries the other form of `rotate`. */
export const forcedRotationThenPlain: Story = {
  ...forcedRotation,
  name: 'a forced rotation followed by a plain one',
  recovery: ['rotate --yes', 'up --yes'],
  // If the stored pair is incomplete, `up` has to repair it first.
  mayRefuse: 'rotate --yes',
};

export const removal: Story = {
  name: 'a down',
  command: 'down --yes',
  recovery: ['down --yes', 'up --yes'],
  afterwards: ['up --yes'],
  expectDone: expectNothingInCluster,
};

/** As above, for a person who then wants it back. */
export const undoneRemoval: Story = {
  ...removal,
  name: 'a down that is undone',
  recovery: ['up --yes', 'down --yes', 'up --yes'],
};

function expectNothingInCluster(cli: Cli): void {
  // A warning names the lease if it could not be released. The lease expires.
  const left = remainingObjects(cli).filter((name) => name !== 'Lease kube-system/ecr-bootstrap');
  expect(left, 'nothing is left in the cluster').toEqual([]);
  expect(remainingFiles(cli), 'nothing is left on nodes').toEqual([]);
}

const removeAll = 'down --aws --delete-images --delete-secrets --yes';

export const fullRemoval: Story = {
  name: 'a full down',
  command: removeAll,
  recovery: [removeAll, 'up --yes'],
  afterwards: ['up --yes'],
  expectDone: (cli) => {
    expectNothingInCluster(cli);
    const nothing = { users: [], keys: 0, policies: [], repositories: 0, secrets: 0 };
    expect(remainingInAws(cli), 'nothing is left in AWS').toEqual(nothing);
  },
};

/**
 * Excludes the images of the control plane: they are copied like all others, and each run takes half as long
 * without them.
 */
const config = 'images: { exclude: [registry.k8s.io/kube-*, registry.k8s.io/etcd*] }';

const unregistered = new WeakMap<Cli, readonly string[]>();

/** Expects that a cluster with the access key was registered at every single write. */
export const expectRegistered = (cli: Cli): void => expect(unregistered.get(cli)).toEqual([]);

/** The worlds of one story. A world that ends in order serves the next run too. */
export class Stage {
  readonly #story: Story;
  #inOrder: Cli | undefined;
  #open: Cli | undefined;

  constructor(story: Story) {
    this.#story = story;
  }

  /** Returns a world that is ready for the story's run. */
  async begin(): Promise<Cli> {
    forgetSecrets();
    const reused = this.#inOrder;
    this.#inOrder = undefined;
    if (!reused) await this.close();
    const cli = reused ?? (this.#open = await openCli({}, { fast: true, config }));
    if (!reused) unregistered.set(cli, watchRegistration(cli.world));
    if (!this.#story.fromNothing) {
      if (!reused) await succeed(cli, 'up --yes');
      await this.#story.prepare?.(cli);
      await cli.world.cluster.settled();
    }
    return cli;
  }

  /** Call this when everything is in order again. */
  end(cli: Cli): void {
    if (!this.#story.fromNothing) this.#inOrder = cli;
  }

  async close(): Promise<void> {
    await this.#open?.close();
    this.#open = undefined;
  }
}

export async function succeed(cli: Cli, command: string): Promise<void> {
  const { code, stderr } = await cli.run(command);
  expect(code, `${command}: ${stderr}`).toBe(0);
  await cli.world.cluster.settled();
}

/** @throws AssertionError when the command fails, except for a refusal that changes nothing and names its fix */
export async function succeedOrRefuse(cli: Cli, command: string): Promise<void> {
  const { changes } = cli.world.faults;
  const before = changes.length;
  const { code, stderr } = await cli.run(command);
  if (code !== 2) expect(code, `${command}: ${stderr}`).toBe(0);
  else {
    expect(stderr).toMatch(/error: .+\n {2}why: .+\n {2}fix: .*`ecr-bootstrap up`/);
    expect(changes.slice(before), 'a refusal changes nothing').toEqual([]);
  }
  await cli.world.cluster.settled();
}

/** Damages something of every step. */
async function damage({ world }: Cli): Promise<void> {
  const { identities, registry } = world.aws;
  registry.repositories.delete('shop/docker.io/library/nginx');
  identities.users.get('image-puller')?.attached.clear();
  for (const [id, key] of identities.keys) if (key.user.name === 'image-puller') identities.keys.delete(id);
  identities.settle();
  world.cluster.delete('ClusterExternalSecret', 'puller');
  world.cluster.delete('Deployment', 'external-secrets', 'external-secrets');
  world.cluster.delete('Secret', 'puller', 'external-secrets');
  world.cluster.delete('MutatingAdmissionPolicy', 'ecr-bootstrap-pull-secret');
  world.cluster.delete('DaemonSet', 'node-access', 'ecr-bootstrap');
  await world.cluster.settled();
}

/** The first `up` after twelve hours deletes the key that the previous rotation disabled. */
async function forgetRotation(cli: Cli): Promise<void> {
  cli.world.clock.advance(13 * 3_600_000);
  await cli.world.cluster.settled();
  await succeed(cli, 'up --yes');
}

const leaked = new WeakMap<Cli, readonly AccessKey[]>();

async function watchLeakedKeys(cli: Cli): Promise<void> {
  const { faults, aws } = cli.world;
  const { identities } = aws;
  identities.revocationLag = 20_000;
  const isWatched = leaked.has(cli);
  leaked.set(
    cli,
    [...identities.keys.values()].filter(({ user }) => user.name === 'image-puller'),
  );
  if (isWatched) return;
  faults.onCall(({ operation, resource }) => {
    if (operation !== 'CreateAccessKey' || resource !== 'image-puller') return;
    const accepted = leaked.get(cli)?.find((key) => identities.isAccepted(key));
    if (accepted?.active === false)
      throw new Error(`a key is created while ${accepted.id} is still accepted`);
  });
  await Promise.resolve();
}
