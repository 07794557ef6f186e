import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import type { AccessKey } from '../../sandbox/aws/identities.ts';
import { AwsRefusal, type SigningKey } from '../../sandbox/ports.ts';
import type { World } from '../../sandbox/world.ts';
import { clients } from '../unit/sandbox/support.ts';

const names = ['image-puller-AWS_ACCESS_KEY_ID', 'image-puller-AWS_SECRET_ACCESS_KEY', 'image-puller-REGION'];

/** Reads the image puller's secrets with stolen credentials, before and after every request of any client. */
export class Thief {
  /** Every value that was read. */
  readonly loot = new Set<string>();
  /** The error codes of denied requests. */
  readonly refusals = new Set<string>();
  /** The number of requests to AWS. */
  attempts = 0;
  readonly #world: World;
  readonly #credentials: SigningKey[];
  readonly #stop: () => void;
  #asking = false;

  constructor(world: World, { id, secret }: Pick<AccessKey, 'id' | 'secret'>) {
    this.#world = world;
    this.#credentials = [{ accessKeyId: id, secretAccessKey: secret }];
    this.#stop = world.faults.onCall(() => {
      if (this.#asking) return;
      this.read();
      // The observed request takes effect in the current turn of the event loop.
      setImmediate(() => this.read());
    });
  }

  /** Exchanges the stolen key for temporary credentials, and reads with them too from now on. */
  async takeSession(): Promise<void> {
    const { sts } = clients(this.#world, this.#credentials[0]);
    const { Credentials } = await sts.send(new GetSessionTokenCommand({ DurationSeconds: 129_600 }));
    sts.destroy();
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    this.#credentials.push({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
  }

  /** Requests all three secrets with each of the credentials. The requests have taken effect when this returns. */
  read(): void {
    const { awsForCluster, region } = this.#world;
    this.#asking = true;
    for (const credentials of this.#credentials) {
      for (const name of names) {
        this.attempts += 1;
        awsForCluster.getSecretValue(credentials, region, name).then(
          (value) => this.loot.add(value),
          (refusal: unknown) => {
            if (!(refusal instanceof AwsRefusal)) throw refusal;
            this.refusals.add(refusal.code);
          },
        );
      }
    }
    this.#asking = false;
  }

  stop(): void {
    this.#stop();
  }
}
