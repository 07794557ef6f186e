import { type Command, Option } from 'commander';
import { examples, list, type Program } from './command.ts';
import { unlessAborted } from '../core/abort.ts';
import { exitCodes } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { inspect, type StepStatus } from '../core/inspect.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { needsOf, selectSteps, type StepSelection } from '../run/select-steps.ts';
import { type PreflightResult, probe, showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--only <steps>', 'check only these steps', list)
    .option('--manifest <file-or-url>', "the operator's release YAML, if GitHub is unreachable")
    .option(
      '--platform <platforms>',
      'platforms to check: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .option('--watch', 'check again every 5 seconds until interrupted')
    .option('--wait', 'check again until everything is healthy; limit it with --timeout')
    .addOption(
      new Option('--fail-on <level>', 'exit 3 at this level or worse')
        .choices(['failed', 'warning'])
        .default('failed'),
    )
    .action((options: StatusOptions) => program.run(command, (session) => status(session, options)));
  examples(command, [
    ['ecr-bootstrap status', 'Show the health of every component'],
    ['ecr-bootstrap status -o json', 'Use in monitoring: exits 3 if something is unhealthy'],
    ['ecr-bootstrap status --wait --timeout 10m', 'Wait until everything is healthy'],
  ]);
}

export interface StatusOptions extends StepSelection {
  readonly watch?: boolean;
  readonly wait?: boolean;
  readonly failOn?: 'failed' | 'warning';
}

const intervalMs = 5_000;

/** Checks every step and changes nothing. Works with AWS or the cluster alone. Resolves to the exit code. */
export async function status(session: Session, options: StatusOptions): Promise<number> {
  const { reporter, clock, signal, stdoutClosed } = session;
  const until = options.watch && stdoutClosed ? AbortSignal.any([signal, stdoutClosed]) : signal;
  const chosen = selectSteps(steps, options);
  const needs = needsOf(chosen);
  let ctx: Context = await session.context();
  showReading(session);
  for (let first = true; ; first = false, ctx = ctx.fresh()) {
    const reached = await unlessAborted(signal, () => probe(ctx, needs));
    if (first) await session.header(reached.header);
    const seen = await unlessAborted(signal, () => checkAll(chosen, reached, ctx));
    const healthy = isHealthy(seen, options.failOn ?? 'failed');
    const show = () => reporter.show({ type: 'status', data: { steps: seen, healthy } });
    const last = !options.watch && (healthy || !options.wait);
    if (last || options.watch) await show();
    const verdict = healthy ? exitCodes.done : exitCodes.drift;
    if (last) return verdict;
    try {
      await clock.sleep(intervalMs, until);
    } catch (error) {
      if (!signal.aborted && until.aborted) return verdict;
      // After a wait without success, show what is unhealthy.
      if (options.wait) await show();
      throw error;
    }
  }
}

/** Checks all steps except those that need an unreachable service, which would only repeat the same error. */
async function checkAll(
  chosen: readonly AnyStep[],
  { errors }: PreflightResult,
  ctx: Context,
): Promise<StepStatus[]> {
  const within = chosen.filter((step) => !step.needs.some((need) => errors.has(need)));
  const seen = new Map((await inspect(within, ctx)).map((entry) => [entry.step, entry]));
  return chosen.map((step) => withDefaultFinding(seen.get(step.id) ?? unreachableStatus(step, errors)));
}

function unreachableStatus(step: AnyStep, errors: PreflightResult['errors']): StepStatus {
  const findings = step.needs.flatMap((need): Finding[] => {
    const error = errors.get(need);
    if (!error) return [];
    const { what, why, hint } = error;
    return [finding('not-checked', { target: { kind: 'step', name: step.id }, what, why, hint })];
  });
  return { step: step.id, title: step.title, findings, drift: [] };
}

/** Adds an `ok` finding to a step without findings. */
function withDefaultFinding(status: StepStatus): StepStatus {
  if (status.findings.length > 0) return status;
  const target = { kind: 'step', name: status.step };
  const fine: Finding = finding('ok', { target, what: 'OK', why: '', hint: '' });
  return { ...status, findings: [fine] };
}

function isHealthy(seen: readonly StepStatus[], failOn: 'failed' | 'warning'): boolean {
  const bad: readonly Finding['level'][] =
    failOn === 'warning' ? ['failed', 'unknown', 'warning'] : ['failed', 'unknown'];
  return !seen.some((step) => step.findings.some((finding) => bad.includes(finding.level)));
}
