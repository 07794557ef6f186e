/** What a change or finding is about: kind `Secret`, name `external-secrets/puller`. */
export interface Target {
  readonly kind: string;
  readonly name: string;
}

/** How a target is written for people and on the command line: `Secret external-secrets/puller`. */
export const nameOf = (target: Target): string => `${target.kind} ${target.name}`;
