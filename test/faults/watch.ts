import type { Call } from '../../sandbox/faults.ts';
import { type Name, names, type Pair } from './pair.ts';

/** A command that one cluster's administrator runs. */
export interface Run {
  readonly by: Name;
  readonly command: string;
}

interface Observed {
  /** By cluster, the ids of the enabled keys that it holds or has a token of. */
  readonly enabledKeys: Readonly<Record<Name, ReadonlySet<string>>>;
  /** By cluster, the namespaces that can pull. */
  readonly pulling: Readonly<Record<Name, ReadonlySet<string>>>;
  readonly repositories: ReadonlySet<string>;
}

/** Checks the invariants at every request of a run and at its end, whatever was interrupted before. */
export class Watch {
  readonly #pair: Pair;
  readonly #keyOfToken = new Map<string, string>();
  #run: Run | undefined;
  #observed: Observed;
  #violations = new Set<string>();

  constructor(pair: Pair) {
    this.#pair = pair;
    this.#observed = this.#observe();
    pair.cli.world.faults.onCall(() => {
      if (this.#run) this.#check(this.#run);
    });
  }

  begin(run: Run): void {
    this.#violations = new Set();
    this.#observed = this.#observe();
    this.#run = run;
  }

  /** @returns the violated invariants as sentences */
  end(succeeded: boolean): string[] {
    const run = this.#run;
    if (!run) return [];
    this.#check(run);
    this.#run = undefined;
    const key = this.#pair.keyIn(run.by);
    const registered = this.#pair.registeredKeyOf(run.by);
    if (succeeded && key !== undefined && /^(up|rotate)/.test(run.command) && key !== registered) {
      this.#violations.add(
        `the ${run.by} cluster holds ${key} and is registered with ${registered ?? 'none'}`,
      );
    }
    return [...this.#violations];
  }

  #check({ by, command }: Run): void {
    const before = this.#observed;
    const now = (this.#observed = this.#observe());
    for (const name of names) {
      if (this.#pair.keyIn(name) === undefined || this.#pair.registeredKeyOf(name) !== undefined) continue;
      this.#violations.add(`the ${name} cluster holds an access key and is not registered`);
    }
    // After a leak, failing pulls are acceptable.
    if (command.startsWith('rotate --force')) return;
    const removesAws = command.startsWith('down --aws');
    const clusters = command.startsWith('down') ? names.filter((name) => name !== by) : names;
    for (const name of clusters) {
      for (const id of before.enabledKeys[name]) {
        if (this.#isEnabled(id)) continue;
        this.#violations.add(`${id}, which the ${name} cluster uses, was disabled or deleted`);
      }
      for (const namespace of before.pulling[name]) {
        if (now.pulling[name].has(namespace)) continue;
        this.#violations.add(`namespace ${namespace} of the ${name} cluster can no longer pull`);
      }
    }
    const other = names.find((name) => name !== by);
    if (!removesAws || !other) return;
    const isOtherInUse =
      this.#pair.registeredKeyOf(other) !== undefined || before.enabledKeys[other].size > 0;
    for (const repository of before.repositories) {
      if (now.repositories.has(repository) || !isOtherInUse) continue;
      this.#violations.add(`${repository} was deleted, which the ${other} cluster uses`);
    }
  }

  #observe(): Observed {
    const { registry } = this.#pair.cli.world.aws;
    const each = <T>(look: (name: Name) => T) => ({ first: look('first'), second: look('second') });
    return {
      enabledKeys: each((name) => new Set(this.#keysIn(name).filter((id) => this.#isEnabled(id)))),
      pulling: each(
        (name) =>
          new Set(
            [...this.#pair.tokensIn(name)].filter(([, token]) => this.#canPull(token)).map(([at]) => at),
          ),
      ),
      repositories: new Set(registry.repositories.keys()),
    };
  }

  #keysIn(name: Name): string[] {
    const tokens = [...this.#pair.tokensIn(name).values()];
    return [this.#pair.keyIn(name), ...tokens.map((token) => this.#keyOf(token))].filter(
      (id) => id !== undefined,
    );
  }

  #isEnabled(id: string): boolean {
    return this.#pair.cli.world.aws.identities.keys.get(id)?.active === true;
  }

  #canPull(token: string): boolean {
    const { identities } = this.#pair.cli.world.aws;
    const id = this.#keyOf(token);
    const user = identities.users.get('image-puller');
    return id !== undefined && this.#isEnabled(id) && user !== undefined && user.attached.size > 0;
  }

  /** A cluster keeps a token longer than the key, and the token no longer shows its key. */
  #keyOf(token: string): string | undefined {
    const known = this.#keyOfToken.get(token);
    if (known !== undefined) return known;
    try {
      const id = this.#pair.cli.world.aws.registry.tokens.userOf(token)?.accessKeyId;
      if (id !== undefined) this.#keyOfToken.set(token, id);
      return id;
    } catch {
      return undefined;
    }
  }
}

/**
 * The deletions of a run that its JSON document does not show. A plan contains neither the run's own lease nor the pod
 * of an agent, which its DaemonSet recreates.
 */
export function hiddenDeletions(
  changes: readonly Call[],
  deletedKeys: readonly string[],
  document: unknown,
): string[] {
  const shown = new Set(deletionsIn(document));
  const made = changes
    .filter(
      ({ operation }) => /^(delete |Delete)/.test(operation) && !/leases|pods$|AccessKey/.test(operation),
    )
    .map(({ resource = '' }) => resource.replace(/^arn:.*\//, ''));
  return [...made, ...deletedKeys].filter((name) => !shown.has(name));
}

function deletionsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { action, target } = value as { action?: unknown; target?: { name?: unknown } };
  const own = action === 'delete' && typeof target?.name === 'string' ? [target.name] : [];
  return [...own, ...Object.values(value).flatMap(deletionsIn)];
}
