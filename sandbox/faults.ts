/**
 * What can go wrong with one request.
 * - `throttle`, `error`, `deny`: answered with that error, nothing done
 * - `reset`, `timeout`: the connection is cut, or never answered, before anything is done
 * - `lost`: the request takes effect, then the connection is cut instead of the answer
 */
export type FaultKind = 'throttle' | 'error' | 'deny' | 'reset' | 'timeout' | 'lost';

/** One request as the sandbox saw it. `operation` is AWS's action name, the registry's or Kubernetes' verb and resource. */
export interface Call {
  readonly service:
    'ecr' | 'iam' | 'secretsmanager' | 'sts' | 'registry' | 'source' | 'storage' | 'kubernetes' | 'web';
  /** For example `CreateAccessKey`, `PutManifest`, `patch serviceaccounts`. */
  readonly operation: string;
  /** Whether it changes anything. */
  readonly writes: boolean;
  /** What it is about: a repository, secret, user, or `namespace/name`. */
  readonly resource?: string | undefined;
  /** Who asked, as far as known: an access key id or a Kubernetes user name. */
  readonly caller?: string | undefined;
}

/** A plan to spoil calls: those that match in all that is given, from the `from`-th to the `to`-th (1-based). */
export interface Fault {
  readonly kind: FaultKind;
  readonly service?: Call['service'];
  readonly operation?: string | RegExp;
  readonly resource?: string;
  readonly caller?: string;
  readonly from?: number;
  readonly to?: number;
}

/** Records every request and decides which ones go wrong. One instance serves the whole sandbox. */
export class Faults {
  readonly calls: Call[] = [];
  /** Those of them that were to change something and were let through, even if their answer was lost. */
  readonly changes: Call[] = [];
  readonly #planned: { fault: Fault; seen: number; suffered: number }[] = [];
  readonly #listeners = new Set<(call: Call) => void>();

  /** Plans a fault; returns the way to take it back, which tells the last of the calls that suffered it, counted from 1. */
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

  /** To be asked once for each request, before it takes effect: the fault that it suffers, if any. */
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
