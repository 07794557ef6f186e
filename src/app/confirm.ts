import { BootstrapError } from '../errors/index.ts';
import type { Change } from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import type { Session } from './session.ts';

/**
 * Nobody is asked about a plan that only repairs or adds; a first run and one that touches rights, replaces or
 * deletes is confirmed on a terminal, and elsewhere has to be meant: by --yes or by the account guard.
 */
export async function confirm(
  { reporter }: Session,
  ctx: Context,
  changes: readonly Change[],
  { yes, adoptAll = false }: { readonly yes: boolean; readonly adoptAll?: boolean },
): Promise<void> {
  if (yes || changes.length === 0) return;
  if (reporter.canAsk) {
    if (!changes.some(isWeighty) || (await reporter.ask('Carry this plan out?'))) return;
    throw declined('the answer was no; nothing was changed');
  }
  // Whoever adopts by name has said what is meant; whoever adopts all has not.
  const isBlind = adoptAll && changes.some(({ adopts }) => adopts);
  if (ctx.config.aws.accountId !== undefined && !isBlind) return;
  throw new BootstrapError({
    code: 'confirmation-needed',
    what: 'carry out the plan',
    why: `there is no terminal to ask on, and ${isBlind ? '--adopt-all was given' : 'aws.accountId is not configured'}`,
    hint: isBlind
      ? 'Look at the plan with --dry-run, then give --yes, or --adopt for each.'
      : 'Give --yes, or --account-id (aws.accountId in the file), which makes sure of the account.',
  });
}

/**
 * For what cannot be undone: the word has to be typed, and the account guard alone does not stand for it.
 * @param word what is typed on a terminal; elsewhere --yes has to be given
 */
export async function confirmByWord({ reporter }: Session, word: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!reporter.canAsk) {
    throw new BootstrapError({
      code: 'confirmation-needed',
      what: 'carry out the plan',
      why: 'there is no terminal to ask on',
      hint: 'Look at the plan with --dry-run, then give --yes.',
    });
  }
  if (await reporter.ask(`This cannot be undone. Type ${word} to carry it out:`, word)) return;
  throw declined(`the answer was not ${word}; nothing was changed`);
}

const declined = (why: string): BootstrapError =>
  new BootstrapError({
    code: 'declined',
    what: 'carry out the plan',
    why,
    hint: 'Run the command again when the plan is what you want.',
  });

const isWeighty = (change: Change): boolean =>
  change.grants === true ||
  change.adopts !== undefined ||
  change.action === 'replace' ||
  change.action === 'delete' ||
  (change.action === 'create' && change.target.kind === 'Namespace');
