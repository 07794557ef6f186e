import { removalSteps } from '../steps/removal/index.ts';
import { confirmRemoval } from './confirm.ts';
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
  const { dryRun, yes = false, aws = false, deleteImages = false, deleteSecrets = false } = options;
  const touchesAws = aws || deleteImages || deleteSecrets;
  return doJob(session, {
    steps: removalSteps({ identities: aws, images: deleteImages, secrets: deleteSecrets }),
    dryRun,
    confirm: (ctx, changes) =>
      confirmRemoval(session, changes, { yes, word: touchesAws ? ctx.config.project : undefined }),
    next: () => Promise.resolve(aws ? [] : [stillInAws]),
  });
}

const stillInAws =
  'Users, access keys and policies are still in AWS, for other clusters of the project: ecr-bootstrap down --aws; images and secrets go only by --delete-images and --delete-secrets.';
