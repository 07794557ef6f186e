import { BootstrapError } from '../errors/index.ts';
import type { Change } from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import type { Session } from './session.ts';

/**
 * Nobody is asked about a plan that only repairs or adds; a first run and one that touches rights, replaces or
 * deletes is confirmed on a terminal, and elsewhere has to be meant: by --yes or by the account guard.
 */
export async function confirm(
  session: Session,
  ctx: Context,
  changes: readonly Change[],
  { yes, adoptAll = false }: { readonly yes: boolean; readonly adoptAll?: boolean },
): Promise<void> {
  if (yes || changes.length === 0) return;
  if (session.reporter.canAsk) return askIfWeighty(session, changes);
  // Whoever adopts by name has said what is meant; whoever adopts all has not.
  const isBlind = adoptAll && changes.some(({ adopts }) => adopts);
  if (ctx.config.aws.accountId !== undefined && !isBlind) return;
  throw isBlind
    ? unasked(
        '--adopt-all was given',
        'Look at the plan with --dry-run, then give --yes, or --adopt for each.',
      )
    : unasked(
        'aws.accountId is not configured',
        'Give --yes, or --account-id (aws.accountId in the file), which makes sure of the account.',
      );
}

/**
 * For what takes away: the account guard says which account is meant, not that anything is to go, so without a
 * terminal --yes has to be given.
 * @param word for what cannot be undone: what is to be typed on a terminal
 */
export async function confirmRemoval(
  session: Session,
  changes: readonly Change[],
  { yes, word }: { readonly yes: boolean; readonly word?: string | undefined },
): Promise<void> {
  if (yes || changes.length === 0) return;
  const { reporter } = session;
  if (!reporter.canAsk) {
    throw unasked(
      'this takes away, so --yes has to be given',
      'Look at the plan with --dry-run, then give --yes.',
    );
  }
  if (word === undefined) return askIfWeighty(session, changes);
  if (await reporter.ask(`This cannot be undone. Type ${word} to carry it out:`, word)) return;
  throw declined(`the answer was not ${word}; nothing was changed`);
}

async function askIfWeighty({ reporter }: Session, changes: readonly Change[]): Promise<void> {
  if (!changes.some(isWeighty) || (await reporter.ask('Carry this plan out?'))) return;
  throw declined('the answer was no; nothing was changed');
}

const unasked = (besides: string, hint: string): BootstrapError =>
  new BootstrapError({
    code: 'confirmation-needed',
    what: 'carry out the plan',
    why: `there is no terminal to ask on, and ${besides}`,
    hint,
  });

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
