import { expect } from 'vitest';
import type { AccessKey } from '../../sandbox/aws/identities.ts';
import { forgetSecrets } from '../../src/core/secret.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { watchRegistration } from '../support/registrations.ts';
import { inAws, traces } from '../support/traces.ts';

/** A run to which something happens, and what has to follow so that all is in order. */
export interface Story {
  readonly name: string;
  readonly command: string;
  /** Whether it begins with nothing; else with all in order. */
  readonly fromNothing?: true;
  /** Makes ready for the run, once all is in order. */
  prepare?(cli: Cli): Promise<void>;
  /** A key that was replaced stays, disabled, for as long as its tokens may live. */
  readonly keepsDisabledKey?: true;
  /** Commands that a person would give after a run that failed, each to its end. */
  readonly recovery: readonly string[];
  /** The one of these that may refuse to begin, with a fix that the next one is, as long as it changes nothing. */
  readonly mayRefuse?: string;
  /** The same after a run that got to its end in spite of all. */
  readonly afterwards: readonly string[];
  /** What must hold once the command itself got to its end, before anything else follows. */
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
  name: 'a repairing up',
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

/** The answer to a leak: no key may be created while an older one is still accepted. */
export const forcedRotation: Story = {
  name: 'a forced rotation',
  command: 'rotate --force --yes',
  prepare: watchLeakedKeys,
  // An up that finds the new key at work leaves the disabled one to a later run.
  keepsDisabledKey: true,
  recovery: ['up --yes'],
  afterwards: [],
};

/** The same, for a person who runs the same command again. */
export const forcedRotationAgain: Story = {
  ...forcedRotation,
  name: 'a forced rotation that is run again',
  recovery: ['rotate --force --yes'],
};

/** The same, for a person who then tries the other way to rotate. */
export const forcedRotationThenPlain: Story = {
  ...forcedRotation,
  name: 'a forced rotation that a plain one follows',
  recovery: ['rotate --yes', 'up --yes'],
  // Where the stored pair is incomplete, `up` has to repair it first.
  mayRefuse: 'rotate --yes',
};

export const removal: Story = {
  name: 'a removal',
  command: 'down --yes',
  recovery: ['down --yes', 'up --yes'],
  afterwards: ['up --yes'],
};

const removeAll = 'down --aws --delete-images --delete-secrets --yes';

export const fullRemoval: Story = {
  name: 'a full removal',
  command: removeAll,
  recovery: [removeAll, 'up --yes'],
  afterwards: ['up --yes'],
  expectDone: (cli) => {
    // A warning names a lease that could not be released. It expires.
    const left = traces(cli).filter((name) => name !== 'Lease kube-system/ecr-bootstrap');
    expect(left, 'nothing is left in the cluster').toEqual([]);
    const nothing = { users: [], keys: 0, policies: [], repositories: 0, secrets: 0 };
    expect(inAws(cli), 'nothing is left in AWS').toEqual(nothing);
  },
};

/** The images of the control plane are copied as the others are: without them each run is half as long. */
const config = 'images: { exclude: [registry.k8s.io/kube-*, registry.k8s.io/etcd*] }';

const unregistered = new WeakMap<Cli, readonly string[]>();

/** A cluster that holds the access key is registered at every single write. */
export const expectRegistered = (cli: Cli): void => expect(unregistered.get(cli)).toEqual([]);

/** Worlds of one story, one after the other; a world that ended in order serves the next run too. */
export class Stage {
  readonly #story: Story;
  #inOrder: Cli | undefined;
  #open: Cli | undefined;

  constructor(story: Story) {
    this.#story = story;
  }

  /** A world that is ready for the story's run. */
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

  /** To be called when all is in order again. */
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

/** @throws AssertionError when the command fails, but for a refusal that changes nothing and names its fix */
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

/** Something of every step is broken. */
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
  await world.cluster.settled();
}

/** The key that the rotation before disabled is deleted by the first `up` after twelve hours. */
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
