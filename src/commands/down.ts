import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { removalSteps } from '../run/removal.ts';
import type { Header } from '../output/index.ts';
import { placeOf, type Question } from '../run/confirm.ts';
import { runPlan } from '../run/run-plan.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--aws', 'also delete access keys, users and policies; needs an administrator')
    .option('--delete-images', 'also delete the repositories of the project, with all images')
    .option('--delete-secrets', 'also delete the secrets; they can be restored for 30 days')
    .option('-y, --yes', 'remove without asking; required without a terminal')
    .action((options: DownOptions) => program.run(command, (session) => down(session, options)));
  command.addHelpText(
    'after',
    `
Removes only what up created or adopted, and lists what it keeps. With --aws,
--delete-images or --delete-secrets, you type the project's name to confirm. The
command refuses these flags while another cluster of the project is registered.
To resume an interrupted run, run the same command again.`,
  );
  examples(command, [
    ['ecr-bootstrap down --dry-run', 'Show what would be removed'],
    ['ecr-bootstrap down', 'Uninstall from this cluster'],
    ['ecr-bootstrap down --yes -o json', 'Run in a pipeline'],
    ['ecr-bootstrap down --aws --delete-images --delete-secrets', 'Uninstall from AWS too'],
  ]);
}

export interface DownOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly aws?: boolean;
  readonly deleteImages?: boolean;
  readonly deleteSecrets?: boolean;
}

/** Removes what `up` created in this cluster, and in AWS what the options select. Resolves to the exit code. */
export function down(session: Session, options: DownOptions): Promise<number> {
  const { dryRun, yes, aws = false, deleteImages = false, deleteSecrets = false } = options;
  const touchesAws = aws || deleteImages || deleteSecrets;
  return runPlan(session, {
    steps: removalSteps({ identities: aws, images: deleteImages, secrets: deleteSecrets }),
    dryRun,
    question: yes
      ? undefined
      : (header, { config: { project } }) => (touchesAws ? removeAll(header, project) : removeHere(header)),
    nextSteps: notDeleted(options),
  });
}

/** The kinds of resources in AWS that this run does not delete. It does not check whether they exist. */
function notDeleted({ aws, deleteImages, deleteSecrets }: DownOptions): string[] {
  const left = [
    ...(aws ? [] : ['users, access keys and policies (--aws)']),
    ...(deleteImages ? [] : ['repositories with images (--delete-images)']),
    ...(deleteSecrets ? [] : ['secrets in Secrets Manager (--delete-secrets)']),
  ];
  if (left.length === 0) return [];
  return [`Not deleted in AWS, for other clusters of the project: ${left.join(', ')}. ${lastCluster}`];
}

const lastCluster =
  'To remove everything with the last cluster: `ecr-bootstrap down --aws --delete-images --delete-secrets`.';

const removeHere = ({ context }: Partial<Header>): Question => ({
  text: `Remove ecr-bootstrap from ${placeOf({ context })}?`,
});

const removeAll = (header: Partial<Header>, project: string): Question => ({
  text: `Remove ecr-bootstrap from ${placeOf(header)}? This cannot be undone. Type ${project} to confirm:`,
  word: project,
});
