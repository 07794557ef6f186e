import { removalSteps } from './removal.ts';
import type { Header } from '../output/index.ts';
import { placeOf, type Question } from './confirm.ts';
import { doJob } from './job.ts';
import type { Session } from './session.ts';

export interface DownOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly aws?: boolean;
  readonly deleteImages?: boolean;
  readonly deleteSecrets?: boolean;
}

/** Takes away what `up` made: in this cluster, and in AWS what the options name. Resolves to the exit code. */
export function down(session: Session, options: DownOptions): Promise<number> {
  const { dryRun, yes, aws = false, deleteImages = false, deleteSecrets = false } = options;
  const touchesAws = aws || deleteImages || deleteSecrets;
  return doJob(session, {
    steps: removalSteps({ identities: aws, images: deleteImages, secrets: deleteSecrets }),
    dryRun,
    question: yes
      ? undefined
      : (header, { config: { project } }) => (touchesAws ? removeAll(header, project) : removeHere(header)),
    next: () => [Promise.resolve(keptInAws(options))],
  });
}

/** What this run was not asked to remove; whether there is any of it was not looked up. */
function keptInAws({ aws, deleteImages, deleteSecrets }: DownOptions): string[] {
  const kept = [
    ...(aws ? [] : ['users, access keys and policies (--aws)']),
    ...(deleteImages ? [] : ['repositories with images (--delete-images)']),
    ...(deleteSecrets ? [] : ['secrets in Secrets Manager (--delete-secrets)']),
  ];
  if (kept.length === 0) return [];
  return [`Kept in AWS, for other clusters of the project: ${kept.join(', ')}. ${lastCluster}`];
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
