/**
 * A fault of one request.
 * - `throttle`, `error`, `deny`: the response is that error, and the request has no effect
 * - `reset`, `timeout`: the connection is cut, or gets no response, and the request has no effect
 * - `lost`: the request takes effect, then the connection is cut instead of a response
 */
export type FaultKind = 'throttle' | 'error' | 'deny' | 'reset' | 'timeout' | 'lost';

/** A request that the sandbox received. */
export interface Call {
  readonly service:
    'ecr' | 'iam' | 'secretsmanager' | 'sts' | 'registry' | 'source' | 'storage' | 'kubernetes' | 'web';
  /**
   * The AWS action, the registry operation, or the Kubernetes verb and resource: `CreateAccessKey`, `PutManifest`,
   * `patch serviceaccounts`.
   */
  readonly operation: string;
  /** Whether it changes anything. */
  readonly writes: boolean;
  /** The resource of the request: a repository, secret, user, or `namespace/name`. */
  readonly resource?: string | undefined;
  /** The caller, if known: an access key ID or a Kubernetes user name. */
  readonly caller?: string | undefined;
}

/** A planned fault for the calls that match all given fields, from number `from` to number `to` (1-based). */
export interface Fault {
  readonly kind: FaultKind;
  readonly service?: Call['service'];
  readonly operation?: string | RegExp;
  readonly resource?: string;
  readonly caller?: string;
  readonly from?: number;
  readonly to?: number;
}

/** Records every request, and determines its fault. The whole sandbox uses one instance. */
export class Faults {
  readonly calls: Call[] = [];
  /** The calls that write and took effect, including those whose response was lost. */
  readonly changes: Call[] = [];
  readonly #planned: { fault: Fault; seen: number; suffered: number }[] = [];
  readonly #listeners = new Set<(call: Call) => void>();

  /** Plans a fault. @returns a function that removes it; its result is the 1-based number of the last call with it */
  plan(fault: Fault): () => number {
    const entry = { fault, seen: 0, suffered: 0 };
    this.#planned.push(entry);
    return () => {
      const index = this.#planned.indexOf(entry);
      if (index >= 0) this.#planned.splice(index, 1);
      return entry.suffered;
    };
  }

  /** Calls `listener` for each request as it arrives. */
  onCall(listener: (call: Call) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Returns the fault of a request, if any. Call it once for each request, before the request takes effect. */
  meet(call: Call): FaultKind | undefined {
    this.calls.push(call);
    for (const listener of this.#listeners) listener(call);
    let met: FaultKind | undefined;
    for (const entry of this.#planned) {
      const { service, operation, resource, caller, from = 1, to = Infinity, kind } = entry.fault;
      if (service !== undefined && service !== call.service) continue;
      if (resource !== undefined && resource !== call.resource) continue;
      if (caller !== undefined && caller !== call.caller) continue;
      if (typeof operation === 'string' && operation !== call.operation) continue;
      if (operation instanceof RegExp && !operation.test(call.operation)) continue;
      entry.seen += 1;
      if (met !== undefined || entry.seen < from || entry.seen > to) continue;
      entry.suffered = this.calls.length;
      met = kind;
    }
    if (call.writes && (met === undefined || met === 'lost')) this.changes.push(call);
    return met;
  }
}
