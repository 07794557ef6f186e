import { type Command, Option } from 'commander';
import { examples, list, type Program } from './command.ts';
import { unlessAborted } from '../core/abort.ts';
import { stopwatch } from '../core/clock.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import { type Finding, finding } from '../core/findings.ts';
import { inspect, type StepStatus } from '../core/inspect.ts';
import { ownVersion } from '../core/paths.ts';
import { healthOf } from '../core/problems.ts';
import type { Event, Need } from '../core/step.ts';
import type { View } from '../output/index.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { steps } from '../steps/index.ts';
import { areAllSteps, needsOf, selectSteps, type StepSelection } from '../run/select-steps.ts';
import { type PreflightResult, probe, showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';
import { deadline } from '../run/timeout.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--only <steps>', 'check only these steps', list)
    .option('--manifest <file-or-url>', "the operator's release YAML, if GitHub is unreachable")
    .option(
      '--platform <platforms>',
      'platforms to check: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .option('--watch', 'check again every 5 seconds until Ctrl-C')
    .addOption(
      new Option('--wait', 'check again until everything is healthy (default --timeout: 10m)').conflicts(
        'watch',
      ),
    )
    .addOption(
      new Option('--fail-on <level>', 'exit 3 at this level or worse')
        .choices(['failed', 'warning'])
        .default('failed'),
    )
    .action((options: StatusOptions) => program.run(command, (session) => status(session, options)));
  examples(command, [
    ['ecr-bootstrap status', 'Show the health of every component'],
    ['ecr-bootstrap status -o json', 'Use in monitoring: exits 3 if something is unhealthy'],
    ['ecr-bootstrap status -o prometheus', 'Print metrics for the textfile collector of node_exporter'],
    ['ecr-bootstrap status --wait --timeout 30m', 'Wait until everything is healthy'],
  ]);
}

export interface StatusOptions extends StepSelection {
  readonly watch?: boolean;
  readonly wait?: boolean;
  readonly failOn?: 'failed' | 'warning';
}

const intervalMs = 5_000;
const defaultWaitMs = 600_000;

/** Checks every step and changes nothing. Works with AWS or the cluster alone. Resolves to the exit code. */
export async function status(session: Session, options: StatusOptions): Promise<number> {
  const { reporter, clock } = session;
  const { watch = false, wait = false } = options;
  if (watch && session.flags.output === 'prometheus') throw watchedMetrics();
  const signal = endOf(session, options);
  const chosen = selectSteps(steps, options);
  const elapsed = stopwatch(clock);
  let ctx: Context = await session.context();
  let last: Look | undefined;
  showReading(session);
  try {
    for (;;) {
      last = await unlessAborted(signal, () => lookAt(ctx, chosen, session, options));
      const { view, isHealthy } = last;
      if (watch) await reporter.refresh(view, isHealthy);
      else if (isHealthy || !wait) {
        await reporter.show(view);
        return exitCodeOf(last);
      } else reporter.event(waiting(view, elapsed()));
      await clock.sleep(intervalMs, signal);
      ctx = ctx.fresh();
    }
  } catch (error) {
    if (!signal.aborted || !last) throw error;
    if (watch) return exitCodeOf(last);
    await reporter.show(last.view);
    throw isTimeout(signal.reason)
      ? stillUnhealthy(last.view, session.flags.timeout ?? defaultWaitMs)
      : error;
  }
}

/** Ctrl-C, --timeout, and for some flags other events. */
function endOf({ signal, stdoutClosed, flags, clock }: Session, { watch, wait }: StatusOptions): AbortSignal {
  if (watch && stdoutClosed) return AbortSignal.any([signal, stdoutClosed]);
  return wait && flags.timeout === undefined
    ? AbortSignal.any([signal, deadline(defaultWaitMs, clock)])
    : signal;
}

type StatusView = Extract<View, { readonly type: 'status' }>;

interface Look {
  readonly view: StatusView;
  readonly isHealthy: boolean;
}

const exitCodeOf = ({ isHealthy }: Look): number => (isHealthy ? exitCodes.done : exitCodes.drift);

async function lookAt(
  ctx: Context,
  chosen: readonly AnyStep[],
  session: Session,
  { failOn = 'failed', wait = false }: StatusOptions,
): Promise<Look> {
  const reached = await probe(ctx, needsOf(chosen), areAllSteps(chosen));
  const [seen, header] = await Promise.all([
    checkAll(chosen, reached, ctx),
    session.headerOf(reached.header),
  ]);
  const isHealthy = isHealthyAt(seen, failOn) && !(wait && isSettling(seen));
  const data = {
    time: new Date(session.clock.now()).toISOString(),
    version: ownVersion(),
    verdict: isHealthy ? 'healthy' : 'unhealthy',
    counts: healthOf(seen).counts,
    steps: seen,
  } as const;
  return { view: { type: 'status', header, data }, isHealthy };
}

/** The groups with problems: `Operator, Pull secrets`. */
const unhealthyIn = ({ data }: StatusView): string =>
  [...new Set(healthOf(data.steps).problems.map(({ title }) => title))].join(', ');

const waiting = (view: StatusView, elapsedMs: number): Event => ({
  type: 'waiting',
  step: '',
  what: `everything to become healthy: ${unhealthyIn(view)}`,
  seconds: Math.round(elapsedMs / 1000),
});

const isTimeout = (reason: unknown): boolean => reason instanceof BootstrapError && reason.code === 'timeout';

const stillUnhealthy = (view: StatusView, limitMs: number): BootstrapError =>
  new BootstrapError({
    code: 'timeout',
    what: 'the cluster did not become healthy in time',
    why: `still unhealthy after ${Math.round(limitMs / 1000)} s: ${unhealthyIn(view)}`,
    hint: 'Follow the fixes above, or wait longer with --timeout.',
  });

const watchedMetrics = (): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'could not read the command line',
    why: 'metrics describe one look, and --watch repeats it',
    hint: 'Run `ecr-bootstrap status -o prometheus` from cron or a systemd timer.',
  });

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
    return [
      finding('not-checked', { target: { kind: 'service', name: serviceNames[need] }, what, why, hint }),
    ];
  });
  return { step: step.id, title: step.title, group: step.group, findings, drift: [] };
}

const serviceNames = {
  aws: 'AWS',
  cluster: 'Cluster',
  sources: 'Registries',
  docker: 'Docker',
} as const satisfies Record<Need, string>;

/** Adds an `ok` finding to a step without findings. */
function withDefaultFinding(status: StepStatus): StepStatus {
  if (status.findings.length > 0) return status;
  const target = { kind: 'step', name: status.step };
  const fine: Finding = finding('ok', { target, what: 'OK', why: '', hint: '' });
  return { ...status, findings: [fine] };
}

const isSettling = (seen: readonly StepStatus[]): boolean =>
  seen.some(({ findings }) => findings.some(({ isTemporary }) => isTemporary));

function isHealthyAt(seen: readonly StepStatus[], failOn: 'failed' | 'warning'): boolean {
  const bad: readonly Finding['level'][] =
    failOn === 'warning' ? ['failed', 'unknown', 'warning'] : ['failed', 'unknown'];
  return !seen.some((step) => step.findings.some((finding) => bad.includes(finding.level)));
}
