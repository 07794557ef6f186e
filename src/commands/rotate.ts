import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { forcedRotationSteps } from '../access-key/rotation/forced.ts';
import { rotationSteps } from '../access-key/rotation/index.ts';
import { applyQuestion } from '../run/confirm.ts';
import { runPlan } from '../run/run-plan.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--force', 'for a leaked key: disable every existing key before the new one is created')
    .option('-y, --yes', 'apply without asking; required without a terminal')
    .action((options: RotateOptions) => program.run(command, (session) => rotate(session, options)));
  command.addHelpText(
    'after',
    `
Without --force, no pull fails. The old key stays enabled until every namespace
has a token from the new key. Then it is disabled, and the first up or rotate
after 12 hours deletes it. If other clusters of the project use the old key, run
up for each of them, then run rotate again, which disables it. To resume an
interrupted run, run the same command again.

Use --force for a leaked key. Without it, a thief can read the new key with the
old one. With --force, every existing key is disabled first. The new key is
created when AWS has refused the disabled key for 30 seconds. Pulls can fail
until every namespace has a new token. In other clusters of the project, they
can fail until you run up for each of them. The old key is deleted even if some
namespaces have no new token yet; the run then fails. If the run is interrupted,
run up.`,
  );
  examples(command, [
    ['ecr-bootstrap rotate', 'Replace the access key'],
    ['ecr-bootstrap rotate --dry-run', 'Show the plan'],
    ['ecr-bootstrap rotate --force', 'Answer a leaked key'],
  ]);
}

export interface RotateOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** Replaces the image puller's access key, or with `force` revokes it first. Resolves to the exit code. */
export function rotate(session: Session, { dryRun, force, yes }: RotateOptions): Promise<number> {
  return runPlan(session, {
    steps: force ? forcedRotationSteps() : rotationSteps(),
    dryRun,
    usesKey: true,
    question: yes ? undefined : applyQuestion,
  });
}
