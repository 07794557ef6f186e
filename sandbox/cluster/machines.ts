import { type Node, NodeMachine } from './node-machine.ts';
import { parseReference } from './references.ts';

/** The machines of all nodes. */
export class Machines {
  readonly #machines = new Map<string, NodeMachine>();
  readonly #changed: () => void;

  /** @param changed called after each change of a machine */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The machine of a node. A new one has the images that its Node reports. */
  of({ metadata: { name }, status }: Node): NodeMachine {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const machine = new NodeMachine(name, this.#changed);
    for (const { names = [], sizeBytes = 1 } of status?.images ?? []) {
      const references = names.map(parseReference);
      const digest = references.find((reference) => reference.digest !== undefined)?.digest ?? '';
      for (const reference of references.filter(({ tag }) => tag !== undefined))
        machine.addImage({ reference, digest, sizeBytes, open: true, secrets: new Set() });
    }
    this.#machines.set(name, machine);
    return machine;
  }

  /** @returns a function that restores every machine */
  save(): () => void {
    const restores = [...this.#machines.values()].map((machine) => machine.save());
    return () => {
      for (const restore of restores) restore();
    };
  }
}
