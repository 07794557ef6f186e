import { BootstrapError, exitCodes } from '../core/errors.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { pullSecretNamespaces } from '../steps/pull-secret-namespaces.ts';
import { pullSecretSeed } from '../steps/pull-secret-seed.ts';
import { registration } from '../steps/registration.ts';
import { registrationHere } from '../access-key/registration/registration.ts';
import { serviceAccountPolicy } from '../steps/service-account-policy.ts';
import { serviceAccounts } from '../steps/service-accounts.ts';
import { withoutCopies } from '../steps/service-accounts/uncovered.ts';
import { type AdoptOptions, consentOf } from './adopt.ts';
import { type Choice, chooseSteps, needsOf } from './choose.ts';
import { applyQuestion } from './confirm.ts';
import { doJob } from './job.ts';
import { leftByHand } from './left.ts';
import { createsKey, newKeyElsewhere } from './other-clusters.ts';
import type { Session } from './session.ts';

export interface UpOptions extends Choice, AdoptOptions {
  readonly dryRun?: boolean;
  readonly exitCode?: boolean;
  readonly yes?: boolean;
}

/** Plans, asks where it must, and carries the plan out. Resolves to the exit code. */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const { dryRun, exitCode, yes } = options;
  const chosen = chooseSteps(steps, options);
  refuseUnregistered(chosen);
  try {
    return await doJob(session, {
      steps: warningOfUncovered(chosen),
      dryRun,
      exitCode,
      usesKey: true,
      consent: consentOf(options),
      question: yes ? undefined : applyQuestion,
      refuse: (ctx) => refuseLeftOut(ctx, chosen, options),
      next: (ctx, changes) => [
        ...(createsKey(changes) ? [newKeyElsewhere(ctx, { givesKey: chosen.includes(pullSecretSeed) })] : []),
        ...leftByHand(ctx, chosen),
      ],
    });
  } catch (error) {
    const leftOut = earlierThan(chosen);
    if (isFailure(error) && leftOut.length > 0) {
      session.reporter.warn(`Steps that come first were left out: ${leftOut.join(', ')}.`);
    }
    throw error;
  }
}

/** A cluster is registered before it depends on the key, and the registration is verified afterwards. */
function refuseUnregistered(chosen: readonly AnyStep[]): void {
  if (!chosen.includes(pullSecretSeed) || chosen.includes(registration)) return;
  throw leftOut('the step pull-secret-seed writes the access key into the cluster');
}

/** Also where the cluster has the key already, unless it is registered and only some steps were asked for. */
async function refuseLeftOut(ctx: Context, chosen: readonly AnyStep[], { skip = [] }: Choice): Promise<void> {
  if (chosen.includes(registration) || !needsOf(chosen).has('cluster')) return;
  const { isHolding, isRegistered } = await registrationHere(ctx);
  if (!isHolding || (isRegistered && !skip.includes(registration.id))) return;
  throw leftOut(`the cluster holds the access key${isRegistered ? '' : ' and is not registered'}`);
}

const leftOut = (why: string): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: `could not leave out the step ${registration.id}`,
    why: `${why}; \`rotate\` and \`down --aws\` for another cluster would take the key away from a cluster that is not registered`,
    hint: `Do not skip ${registration.id}, or add it to --only. For the steps in AWS alone: \`ecr-bootstrap up --only power-user,image-puller,repositories,operator-image,image-puller-key\`.`,
  });

/** One warning is enough, from the first step that makes service accounts name the pull secret. */
function warningOfUncovered(chosen: readonly AnyStep[]): readonly AnyStep[] {
  if (chosen.includes(pullSecretNamespaces)) return chosen;
  const first = chosen.find((step) => step === serviceAccounts || step === serviceAccountPolicy);
  return chosen.map((step) => (step === first ? withoutCopies(step, pullSecretNamespaces.id) : step));
}

const isFailure = (error: unknown): boolean =>
  error instanceof BootstrapError && error.exitCode === exitCodes.failed && error.code !== 'timeout';

/** The steps before the last chosen one that were not chosen: what it builds on may be missing. */
function earlierThan(chosen: readonly AnyStep[]): string[] {
  const last = chosen.at(-1);
  const before = last ? steps.slice(0, steps.indexOf(last)) : [];
  return before.filter((step) => !chosen.includes(step)).map((step) => step.id);
}
