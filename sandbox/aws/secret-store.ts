import { randomUUID } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import { AwsRefusal } from '../ports.ts';
import { randomId, type Tags } from './identities.ts';

export interface SecretVersion {
  readonly value: string;
  readonly stages: Set<string>;
  readonly created: number;
}

export const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/** One secret with its versions. Times are milliseconds of sandbox time. */
export class Secret {
  readonly name: string;
  readonly arn: string;
  readonly created: number;
  readonly tags: Tags = new Map();
  /** By version id. */
  readonly versions = new Map<string, SecretVersion>();
  description: string | undefined;
  kmsKeyId: string | undefined;
  policy: string | undefined;
  /** The time of the deletion request, and the time when the secret is deleted permanently. */
  deletion: { readonly at: number; readonly gone: number } | undefined;

  /** @param prefix of the ARN, which ends in six random characters */
  constructor(prefix: string, name: string, created: number) {
    this.name = name;
    this.arn = `${prefix}${name}-${randomId('').slice(0, 6)}`;
    this.created = created;
  }

  /**
   * Adds a version. The same token with the same value is the same version.
   * @returns its ID
   * @throws {AwsRefusal} `ResourceExistsException` when the token has another value
   */
  put(value: string, stages: readonly string[], now: number, token: string = randomUUID()): string {
    const existing = this.versions.get(token);
    if (existing?.value === value) return token;
    if (existing) {
      const use = `that value is already in use for a version of secret ${this.arn}`;
      throw new AwsRefusal(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${token} because ${use}.`,
      );
    }
    // The first version is always the current one.
    const wanted = this.versions.size === 0 ? new Set([CURRENT, ...stages]) : stages;
    this.versions.set(token, { value, stages: new Set(), created: now });
    for (const stage of wanted) this.moveStage(stage, token);
    return token;
  }

  /** A copy of the current secret. */
  copy(): Secret {
    const versions = [...this.versions].map(
      ([id, version]) => [id, { ...version, stages: new Set(version.stages) }] as const,
    );
    const own = { arn: this.arn, tags: new Map(this.tags), versions: new Map(versions) };
    return Object.assign(new Secret('', this.name, this.created), this, own);
  }

  /** The version that loses AWSCURRENT becomes AWSPREVIOUS. @param to a version ID; undefined removes the stage */
  moveStage(stage: string, to: string | undefined): void {
    const from = this.holderOf(stage);
    if (from !== undefined) this.versions.get(from)?.stages.delete(stage);
    if (to !== undefined) this.versions.get(to)?.stages.add(stage);
    if (stage === CURRENT && from !== undefined && from !== to) this.moveStage(PREVIOUS, from);
  }

  /** The ID of the version that has a stage. */
  holderOf(stage: string): string | undefined {
    return [...this.versions.keys()].find((id) => this.stagesOf(id).includes(stage));
  }

  stagesOf(id: string): string[] {
    return [...(this.versions.get(id)?.stages ?? [])];
  }
}

/** Secrets by name, without those whose deletion is complete. */
export class Secrets {
  /** Milliseconds for which a forced deletion, which is asynchronous, still blocks the name. */
  forcedDeletion = 0;
  readonly #secrets = new Map<string, Secret>();
  readonly #clock: SandboxClock;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  add(secret: Secret): void {
    this.#secrets.set(secret.name, secret);
  }

  /** A copy of the current secrets. */
  copy(): Secrets {
    const copy = new Secrets(this.#clock);
    for (const secret of this.#secrets.values()) copy.add(secret.copy());
    return copy;
  }

  /** @param id name or ARN */
  get(id: string): Secret | undefined {
    return this.all().find(({ name, arn }) => name === id || arn === id);
  }

  all(): Secret[] {
    const now = this.#clock.now();
    return [...this.#secrets.values()].filter(
      ({ deletion }) => deletion === undefined || deletion.gone > now,
    );
  }
}
