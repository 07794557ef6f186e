import type { Case } from './case.ts';
import { cases } from './cases/index.ts';
import type { Service } from './request.ts';
import type { TargetName } from './target.ts';
import { capabilities, offers } from './targets/index.ts';

/**
 * The result of a case on a target: the contract holds, a known difference exists, neither is true, or the case
 * did not run.
 */
export type Standing = 'holds' | 'differs' | 'fails' | 'not run';

export interface Row {
  readonly service: Service;
  readonly name: string;
  readonly differs: NonNullable<Case['differs']>;
  readonly needs: Case['needs'];
  readonly also: Case['also'];
}

export const targetNames = Object.keys(offers) as TargetName[];

/** All cases in the order of the contract. */
export const rows: readonly Row[] = (Object.keys(cases) as Service[]).flatMap((service) =>
  cases[service].map(({ name, differs = {}, needs, also }) => ({ service, name, differs, needs, also })),
);

/** The result that the contract claims. A run confirms it, or fails. */
export function claimed({ service, differs, needs, also }: Row, target: TargetName): Standing {
  if (!offers[target].includes(service)) return 'not run';
  if (also && !offers[target].includes(also)) return 'not run';
  if (needs && !capabilities[target].includes(needs.capability)) return 'not run';
  return differs[target] ? 'differs' : 'holds';
}
