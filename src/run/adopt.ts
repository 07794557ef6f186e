import type { Consent } from '../core/consent.ts';
import { matchesAny } from '../core/globs.ts';
import { nameOf } from '../core/target.ts';
import type { StepPlan } from '../core/plan.ts';
import type { Context } from '../steps/context.ts';
import { commandLine } from './command-line.ts';
import type { Session } from './session.ts';

export interface AdoptOptions {
  /** Targets as in the plan, for example `Secret external-secrets/puller`; `*` stands for any text. */
  readonly adopt?: readonly string[];
  readonly adoptAll?: boolean;
}

/** The consent that the flags give. Only adoptions that the plan showed are applied. */
export function consentOf({ adopt = [], adoptAll = false }: AdoptOptions): Consent {
  const isNamed = matchesAny(adopt, { matchSlash: true });
  return (target) => adoptAll || isNamed(nameOf(target));
}

/** This many targets of one kind, or more, become one glob. */
const minAlike = 3;

/** The command line that adopts everything unmanaged in the plan. */
export function adoptingCommand(session: Session, plan: readonly StepPlan<Context>[]): string {
  const targets = plan.flatMap(({ unmanaged }) => unmanaged.map(({ target }) => target));
  const names = targets.map((target) => {
    const alike = targets.filter(({ kind }) => kind === target.kind).length;
    return alike < minAlike ? nameOf(target) : `${target.kind} *`;
  });
  const flags = [...new Set(names)].flatMap((name) => ['--adopt', name]);
  const isUp = session.argv?.includes('up') === true;
  return commandLine(isUp ? session : { ...session, argv: ['up'] }, flags);
}
