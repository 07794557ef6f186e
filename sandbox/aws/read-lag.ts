import type { SandboxClock } from '../clock.ts';

/** The part of an AWS service that matters for lagging reads. */
interface Lagging<S> {
  readonly name: ServiceName;
  /** The service with a copy of its current state, for later reads. Undefined if its reads never lag. */
  readonly snapshot?: () => S;
}

export type ServiceName = 'ecr' | 'iam' | 'secretsmanager' | 'sts';

/** Makes reads of one service lag behind its writes. */
export interface Lag {
  readonly service: ServiceName;
  /** How long a write stays invisible. Can be changed later: writes are recorded from the time of planning. */
  milliseconds: number;
  /** The reads that lag; by default all `Get*`, `List*` and `Describe*`. */
  readonly reads?: RegExp;
  /** The writes that stay invisible, with all later ones; by default every write. */
  readonly behind?: RegExp;
}

const allReads = /^(Get|List|Describe)(?!AuthorizationToken|DownloadUrl)/;

/** Milliseconds for which writes are recorded. */
const retentionMs = 600_000;

interface Write<S> {
  readonly service: ServiceName;
  readonly operation: string;
  readonly at: number;
  /** The service with a copy of its state before the write. */
  readonly before: S;
}

/**
 * Reads that do not show the latest writes, as from a replica that lags. Writes always use the current state.
 *
 * AWS documents that IAM is eventually consistent: a change takes time to become visible from all endpoints
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not always immediately
 * visible"). The API reference of Secrets Manager says the same of all its operations
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html). AWS promises nothing for ECR;
 * the Terraform AWS provider waits until `DescribeRepositories` shows a repository that it has created. None of them
 * documents a duration, so each lag here is an assumption.
 */
export class ReadLags<S extends Lagging<S>> {
  readonly #clock: SandboxClock;
  readonly #planned = new Set<Lag>();
  #writes: Write<S>[] = [];

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** Plans a lag and returns a function that removes it. Changes that tests make without the API are visible at once. */
  plan(lag: Lag): () => void {
    this.#planned.add(lag);
    return () => this.#planned.delete(lag);
  }

  /** Call it before each write. */
  beforeWrite({ name: service, snapshot }: S, operation: string): void {
    if (!snapshot || ![...this.#planned].some((lag) => lag.service === service)) return;
    const at = this.#clock.now();
    this.#writes = this.#writes.filter((write) => at - write.at < retentionMs);
    this.#writes.push({ service, operation, at, before: snapshot() });
  }

  /** The service with the state that a read observes. */
  seenBy(service: S, operation: string): S {
    const lags = [...this.#planned].filter(
      (lag) => lag.service === service.name && (lag.reads ?? allReads).test(operation),
    );
    const now = this.#clock.now();
    const firstHidden = this.#writes.find((write) =>
      lags.some(
        ({ milliseconds, behind }) =>
          write.service === service.name &&
          now - write.at < milliseconds &&
          (behind?.test(write.operation) ?? true),
      ),
    );
    return firstHidden?.before ?? service;
  }
}
