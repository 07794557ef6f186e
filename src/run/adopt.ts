import type { Consent } from '../core/consent.ts';
import { matchesAny } from '../core/globs.ts';
import { nameOf } from '../core/members.ts';
import type { Planned } from '../core/plan.ts';
import type { Context } from '../steps/context.ts';
import { commandLine } from './command-line.ts';
import type { Session } from './session.ts';

export interface AdoptOptions {
  /** Targets as plans write them, `Secret external-secrets/puller`; `*` stands for any text. */
  readonly adopt?: readonly string[];
  readonly adoptAll?: boolean;
}

/** What the flags agree to. A plan is made with it, and only what that plan showed is adopted. */
export function consentOf({ adopt = [], adoptAll = false }: AdoptOptions): Consent {
  const isNamed = matchesAny(adopt, { matchSlash: true });
  return (target) => adoptAll || isNamed(nameOf(target));
}

/** As many of one kind are named together. */
const many = 3;

/** The command line that adopts everything unmanaged in the plan. */
export function adoptingCommand(session: Session, plan: readonly Planned<Context>[]): string {
  const targets = plan.flatMap(({ unmanaged }) => unmanaged.map(({ target }) => target));
  const names = targets.map((target) => {
    const alike = targets.filter(({ kind }) => kind === target.kind).length;
    return alike < many ? nameOf(target) : `${target.kind} *`;
  });
  const flags = [...new Set(names)].flatMap((name) => ['--adopt', name]);
  const isUp = session.argv?.includes('up') === true;
  return commandLine(isUp ? session : { ...session, argv: ['up'] }, flags);
}
