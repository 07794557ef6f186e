import { BootstrapError } from '../core/errors.ts';
import type { Header } from '../output/index.ts';
import { commandLine } from './command-line.ts';
import type { Session } from './session.ts';

/** A question about the plan that is shown. */
export interface Question {
  readonly text: string;
  /** The word to type, for changes that cannot be undone. */
  readonly word?: string | undefined;
  /** How to see the plan without a change, if not with `--dry-run`. */
  readonly review?: string;
}

/**
 * Asks for consent to a plan that is not empty. `--yes` gives it in advance.
 * @returns false if the answer is no
 * @throws BootstrapError `confirmation-needed` if there is no terminal, or the output is JSON
 */
export async function confirm(session: Session, question: Question): Promise<boolean> {
  const { reporter, signal, flags } = session;
  const { text, word: expected, review = 'Review the plan with --dry-run' } = question;
  const answer = await reporter.ask(text, { expected, signal });
  if (answer !== undefined) return answer;
  throw new BootstrapError({
    code: 'confirmation-needed',
    what: 'could not prompt for confirmation',
    why: flags.output === 'json' ? '-o json never prompts' : 'there is no terminal',
    hint: `${review}, then run \`${commandLine(session, ['--yes'])}\`.`,
  });
}

export const applyQuestion = (header: Partial<Header>): Question => ({
  text: `Apply these changes to ${placeOf(header)}?`,
});

type Whereabouts = { readonly [part in 'account' | 'context']?: string | undefined };

/** `account 123456789012 and cluster prod`, or only the one that the run uses. */
export function placeOf({ account, context }: Whereabouts): string {
  const parts = [
    ...(account === undefined ? [] : [`account ${account}`]),
    ...(context === undefined ? [] : [`cluster ${context}`]),
  ];
  return parts.join(' and ');
}
