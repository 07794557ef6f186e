import type { Access, Statement } from '../../sandbox/aws/policy.ts';
import { decide } from '../../sandbox/aws/policy.ts';
import type { World } from '../../sandbox/world.ts';

/** One authorization decision of IAM. */
export interface Decision extends Access {
  readonly user: string;
  readonly allowed: boolean;
}

/** Records every decision from now on. */
export function recordDecisions({ aws: { identities } }: World): Decision[] {
  const decisions: Decision[] = [];
  const authorise = identities.authorise.bind(identities);
  identities.authorise = (user, access) => {
    const note = (allowed: boolean): void => void decisions.push({ ...access, user: user.name, allowed });
    try {
      authorise(user, access);
      note(true);
    } catch (refusal) {
      note(false);
      throw refusal;
    }
  };
  return decisions;
}

/** The actions of a policy document, as `SID ACTION`, that none of these decisions needs. */
export function unusedActions(statements: readonly Named[], decisions: readonly Decision[]): string[] {
  const allowed = decisions.filter((one) => one.allowed);
  return statements.flatMap((statement, at) =>
    statement.Action.filter((action) => {
      const without = { ...statement, Action: statement.Action.filter((other) => other !== action) };
      const fewer = statements.with(at, without);
      return allowed.every((one) => decide(fewer, one) === 'allowed');
    }).map((action) => `${statement.Sid} ${action}`),
  );
}

/** A statement in the form that ecr-bootstrap writes. */
export interface Named extends Statement {
  readonly Sid: string;
  readonly Action: readonly string[];
}
