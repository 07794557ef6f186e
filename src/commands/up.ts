import { type Command, InvalidArgumentError, Option } from 'commander';
import { steps } from '../steps/index.ts';
import { examples, layoutArgument, type Program, list } from './command.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { nodeAccess } from '../steps/node-access.ts';
import { pullSecretDistribution } from '../steps/pull-secret-distribution.ts';
import { pullSecretBootstrap } from '../steps/pull-secret-bootstrap.ts';
import { registration } from '../steps/registration.ts';
import { registrationHere } from '../access-key/registration/registration.ts';
import { serviceAccountPolicy } from '../steps/service-account-policy.ts';
import { serviceAccounts } from '../steps/service-accounts.ts';
import { stuckPodsAfter } from '../steps/stuck-pods.ts';
import { withoutCopies } from '../cluster/service-accounts/uncovered.ts';
import { type AdoptOptions, consentOf } from '../run/adopt.ts';
import { type StepSelection, selectSteps, needsOf } from '../run/select-steps.ts';
import { applyQuestion } from '../run/confirm.ts';
import { runPlan } from '../run/run-plan.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--diff', 'show IAM policies and Kubernetes objects as unified diffs')
    .option('--exit-code', 'with --dry-run: exit 3 when the plan is not empty')
    .option('--expect-plan <digest>', 'apply only the plan with this digest, which --dry-run prints', digest)
    .option('--only <steps>', 'run only these steps', list)
    .option('--skip <steps>', 'skip these steps', list)
    .option('--restart-stuck', 'recreate pods that are older than their pull secret or node access')
    .option('-y, --yes', 'apply without asking; required without a terminal')
    .option('--adopt <target>', 'adopt an existing resource, named as in the plan; repeatable', targets)
    .option('--adopt-all', 'adopt every existing resource that the plan lists')
    .option('--manifest <file-or-url>', "the operator's release YAML, if GitHub is unreachable")
    .addOption(
      new Option('--from <oci:folder>', "take images and the operator's YAML from the layout of mirror --to")
        .argParser(layoutArgument)
        .conflicts(['engine', 'dockerHost', 'manifest']),
    )
    .addOption(
      new Option('--engine <engine>', 'how images are copied').choices(['auto', 'registry', 'docker']),
    )
    .option('--docker-host <address>', 'Docker engine to use (default: that of the docker command)')
    .option(
      '--platform <platforms>',
      'platforms to copy: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .action((options: UpOptions) => program.run(command, (session) => up(session, options)));
  const width = Math.max(...steps.map((step) => step.id.length));
  command.addHelpText(
    'after',
    `
The plan digest covers the changes of the plan, the account, the region and the
address of the cluster. It does not cover times, findings, or values known
after apply. If the plan has another digest, --expect-plan changes nothing and
exits 1 with plan-changed. Objects that are created during the run are updated
as usual.

--restart-stuck recreates pods that have a controller and cannot pull only
because they were created before their service account listed the pull secret,
before the pull secret, or before node access. It never touches a pod of which
any container runs or has run, nor one of a Job. It lists those, and pods
without a controller.

Steps, in order:\n${steps.map((step) => `  ${step.id.padEnd(width)}  ${step.title}`).join('\n')}`,
  );
  examples(command, [
    ['ecr-bootstrap up --project myproject --region eu-west-1', 'Set up AWS and the cluster'],
    ['ecr-bootstrap up --dry-run', 'Show the plan'],
    ['ecr-bootstrap up --dry-run --diff', 'Show what changes in policies and objects'],
    ['ecr-bootstrap up --only service-accounts', 'Repair service accounts after kubeadm upgrade'],
    ['ecr-bootstrap up --restart-stuck', 'Recreate pods that are older than their pull secret'],
    ['ecr-bootstrap up --adopt-all', 'Adopt resources that were created by hand'],
    ['ecr-bootstrap up --from oci:/mnt/images', 'Copy images from a folder, without internet access'],
    ['ecr-bootstrap up --yes -o json', 'Run in a pipeline'],
    ['ecr-bootstrap up --yes --expect-plan DIGEST', 'Apply exactly the plan that --dry-run printed'],
  ]);
}

function digest(value: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(value)) return value;
  throw new InvalidArgumentError('Write the whole digest that `ecr-bootstrap up --dry-run` printed.');
}

/** Collects targets. Their names contain spaces, so each target has its own flag instead of a list with commas. */
const targets = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export interface UpOptions extends StepSelection, AdoptOptions {
  readonly dryRun?: boolean;
  readonly diff?: boolean;
  readonly exitCode?: boolean;
  readonly yes?: boolean;
  readonly expectPlan?: string;
  readonly restartStuck?: boolean;
}

/** Shows the plan, asks for confirmation and applies it. Resolves to the exit code. */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const { dryRun, diff, exitCode, yes, expectPlan, restartStuck } = options;
  const chosen = selectSteps(steps, options);
  refuseUnregistered(chosen);
  try {
    return await runPlan(session, {
      // Last, because the earlier steps give access to ECR.
      steps: [...warningOfUncovered(chosen), ...(restartStuck ? [restartingAfter(chosen)] : [])],
      dryRun,
      showsDiffs: diff,
      exitCode,
      usesKey: true,
      isDigested: true,
      expectPlan,
      consent: consentOf(options),
      question: yes ? undefined : applyQuestion,
      refuse: (ctx) => refuseSkippedRegistration(ctx, chosen, options),
    });
  } catch (error) {
    const skipped = skippedBefore(chosen);
    if (isFailure(error) && skipped.length > 0) {
      session.reporter.warn(`These earlier steps were skipped, and may be needed: ${skipped.join(', ')}.`);
    }
    throw error;
  }
}

const restartingAfter = (chosen: readonly AnyStep[]): AnyStep =>
  stuckPodsAfter({
    serviceAccounts: chosen.includes(serviceAccounts),
    nodeAccess: chosen.includes(nodeAccess),
  });

/**
 * Refuses steps that make the cluster depend on the key without its registration. A cluster is registered
 * before it gets the key, and the registration is verified afterwards.
 */
function refuseUnregistered(chosen: readonly AnyStep[]): void {
  if (!chosen.includes(pullSecretBootstrap) || chosen.includes(registration)) return;
  throw skippedRegistration('the step pull-secret-bootstrap writes the access key into the cluster');
}

/**
 * Also refuses if the cluster already has the key, unless it is registered and the user selected only some
 * steps.
 */
async function refuseSkippedRegistration(
  ctx: Context,
  chosen: readonly AnyStep[],
  { skip = [] }: StepSelection,
): Promise<void> {
  if (chosen.includes(registration) || !needsOf(chosen).has('cluster')) return;
  const { isHolding, isRegistered } = await registrationHere(ctx);
  if (!isHolding || (isRegistered && !skip.includes(registration.id))) return;
  throw skippedRegistration(
    `the cluster holds the access key${isRegistered ? '' : ' and is not registered'}`,
  );
}

const skippedRegistration = (why: string): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: `could not skip the step ${registration.id}`,
    why: `${why}; \`rotate\` and \`down --aws\` for another cluster would delete the key that an unregistered cluster uses`,
    hint: `Do not skip ${registration.id}, or add it to --only. For the steps in AWS alone: \`ecr-bootstrap up --only power-user,image-puller,repositories,operator-image,image-puller-key\`.`,
  });

/** One warning is enough, from the first step that adds the pull secret to service accounts. */
function warningOfUncovered(chosen: readonly AnyStep[]): readonly AnyStep[] {
  if (chosen.includes(pullSecretDistribution)) return chosen;
  const first = chosen.find((step) => step === serviceAccounts || step === serviceAccountPolicy);
  return chosen.map((step) => (step === first ? withoutCopies(step, pullSecretDistribution.id) : step));
}

const isFailure = (error: unknown): boolean =>
  error instanceof BootstrapError && error.exitCode === exitCodes.failed && error.code !== 'timeout';

/** The skipped steps before the last selected one, which may need them. */
function skippedBefore(chosen: readonly AnyStep[]): string[] {
  const last = chosen.at(-1);
  const before = last ? steps.slice(0, steps.indexOf(last)) : [];
  return before.filter((step) => !chosen.includes(step)).map((step) => step.id);
}
