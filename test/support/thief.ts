import { AwsRefusal } from '../../src/sandbox/ports.ts';
import type { World } from '../../src/sandbox/world.ts';

const names = ['image-puller-AWS_ACCESS_KEY_ID', 'image-puller-AWS_SECRET_ACCESS_KEY', 'image-puller-REGION'];

export interface StolenKey {
  readonly id: string;
  readonly secret: string;
}

/** Reads the image puller's secrets with a stolen key, before and after every request that anyone sends. */
export class Thief {
  /** Every value that was read. */
  readonly loot = new Set<string>();
  /** What AWS answered that was no value. */
  readonly refusals = new Set<string>();
  /** How often AWS was asked. */
  attempts = 0;
  readonly #world: World;
  readonly #key: StolenKey;
  readonly #stop: () => void;
  #asking = false;

  constructor(world: World, key: StolenKey) {
    this.#world = world;
    this.#key = key;
    this.#stop = world.faults.onCall(() => {
      if (this.#asking) return;
      this.read();
      // The request that was seen takes effect within this turn.
      setImmediate(() => this.read());
    });
  }

  /** Asks for all three secrets; the requests have taken effect when this returns. */
  read(): void {
    const { awsForCluster, region } = this.#world;
    const { id: accessKeyId, secret: secretAccessKey } = this.#key;
    this.#asking = true;
    for (const name of names) {
      this.attempts += 1;
      awsForCluster.getSecretValue({ accessKeyId, secretAccessKey }, region, name).then(
        (value) => this.loot.add(value),
        (refusal: unknown) => {
          if (!(refusal instanceof AwsRefusal)) throw refusal;
          this.refusals.add(refusal.code);
        },
      );
    }
    this.#asking = false;
  }

  stop(): void {
    this.#stop();
  }
}
