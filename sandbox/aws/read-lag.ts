import type { SandboxClock } from '../clock.ts';

/** A service of AWS, as far as its reads can lag. */
interface Lagging<S> {
  readonly name: ServiceName;
  /** The service over a copy of its state, from which later reads can be answered; undefined where reads never lag. */
  readonly snapshot?: () => S;
}

export type ServiceName = 'ecr' | 'iam' | 'secretsmanager' | 'sts';

/** A plan to let reads of one service lag behind its writes. */
export interface Lag {
  readonly service: ServiceName;
  /** How long a write stays invisible. May be changed: writes are remembered from when the lag is planned. */
  milliseconds: number;
  /** The reads that lag; by default all `Get*`, `List*` and `Describe*`. */
  readonly reads?: RegExp;
  /** The writes that they lag behind, with all that follow; by default every write. */
  readonly behind?: RegExp;
}

const allReads = /^(Get|List|Describe)(?!AuthorizationToken|DownloadUrl)/;

/** Milliseconds for which writes are remembered. */
const remembered = 600_000;

interface Write<S> {
  readonly service: ServiceName;
  readonly operation: string;
  readonly at: number;
  /** The service over a copy of its state before the write. */
  readonly before: S;
}

/**
 * Reads that do not show the latest writes, as from a replica that is behind. Writes always see the truth.
 *
 * AWS documents that IAM is eventually consistent: a change takes time to become visible from all endpoints
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not always immediately
 * visible"). The API reference of Secrets Manager says the same of all its operations
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html). AWS promises nothing for ECR;
 * the Terraform AWS provider waits until `DescribeRepositories` shows a repository that it has created. None of them
 * names a time, so each lag here is an assumption.
 */
export class ReadLags<S extends Lagging<S>> {
  readonly #clock: SandboxClock;
  readonly #planned = new Set<Lag>();
  #writes: Write<S>[] = [];

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** Plans a lag; returns the way to take it back. Changes that tests make past the API show at once. */
  plan(lag: Lag): () => void {
    this.#planned.add(lag);
    return () => this.#planned.delete(lag);
  }

  /** To be called before each write. */
  beforeWrite({ name: service, snapshot }: S, operation: string): void {
    if (!snapshot || ![...this.#planned].some((lag) => lag.service === service)) return;
    const at = this.#clock.now();
    this.#writes = this.#writes.filter((write) => at - write.at < remembered);
    this.#writes.push({ service, operation, at, before: snapshot() });
  }

  /** The service as a read sees it. */
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
