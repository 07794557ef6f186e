import type { Finding } from '../core/findings.ts';
import { groupBy } from '../core/group-by.ts';
import type { StepStatus } from '../core/inspect.ts';
import { withoutSecrets } from '../core/secret.ts';
import { printable } from './printable.ts';
import type { Reporter, ReporterOptions } from './reporter.ts';
import { createTextReporter } from './text.ts';
import type { Header, StatusView } from './view.ts';

/**
 * Writes the result of `status` as metrics, in the text format of Prometheus, for the textfile collector of
 * node_exporter. The names are stable. Errors go to stderr, and `ecr_bootstrap_up` is 0 then.
 */
export function createPrometheusReporter(options: ReporterOptions): Reporter {
  const text = createTextReporter({ ...options, verbosity: 'quiet' });
  let metrics = upMetric(false);
  return {
    ...text,
    show: (view) => {
      if (view.type === 'status') metrics = metricsOf(view.data, view.header);
    },
    error: (error) => {
      metrics = upMetric(false);
      return text.error(error);
    },
    end: async (ok) => {
      await text.end(ok);
      const lines = metrics.map((line) => printable(withoutSecrets(line)));
      options.streams.stdout.write(`${lines.join('\n')}\n`);
    },
  };
}

type Labels = Readonly<Record<string, string | undefined>>;
type Sample = readonly [Labels, number];

const upMetric = (isUp: boolean): string[] =>
  gauge('up', '1 if status could run, otherwise 0.', [[{}, Number(isUp)]]);

function metricsOf({ time, version, verdict, steps }: StatusView, header: Header): string[] {
  const { project, account, region, context } = header;
  const findings = steps.flatMap((step) => step.findings);
  return [
    ...upMetric(true),
    ...gauge('info', 'The version of ecr-bootstrap and what it checked; always 1.', [
      [{ version, project, account, region, context }, 1],
    ]),
    ...gauge('healthy', '1 if status exits with 0, otherwise 0.', [[{}, Number(verdict === 'healthy')]]),
    ...gauge('last_check_timestamp_seconds', 'When the checks ended, in seconds since the epoch.', [
      [{}, Math.floor(Date.parse(time) / 1000)],
    ]),
    ...gauge(
      'step_healthy',
      '1 if no check of a step failed and all could run, otherwise 0.',
      steps.map(({ step, findings: own }) => [{ step }, Number(own.every(isGood))]),
    ),
    ...gauge('findings', 'The number of findings, by level and code.', countsOf(findings)),
    ...gauge(
      'token_seconds_left',
      'Seconds until the first token of a step expires.',
      steps.flatMap(shortestToken),
    ),
    ...gauge(
      'key_age_seconds',
      'Seconds since the access key was created.',
      findings.flatMap(({ ageSeconds }): Sample[] => (ageSeconds === undefined ? [] : [[{}, ageSeconds]])),
    ),
  ];
}

const isGood = ({ level }: Finding): boolean => level === 'ok' || level === 'warning';

function countsOf(findings: readonly Finding[]): Sample[] {
  const alike = groupBy(findings, ({ level, code }) => `${level} ${code}`);
  return [...alike.values()].flatMap((group) =>
    group.slice(0, 1).map(({ level, code }): Sample => [{ level, code }, group.length]),
  );
}

function shortestToken({ step, findings }: StepStatus): Sample[] {
  const left = findings.flatMap(({ secondsLeft }) => (secondsLeft === undefined ? [] : [secondsLeft]));
  return left.length === 0 ? [] : [[{ step }, left.reduce((least, each) => Math.min(least, each))]];
}

/** The lines of one metric. Without samples, it has none. */
function gauge(name: string, help: string, samples: readonly Sample[]): string[] {
  if (samples.length === 0) return [];
  const full = `ecr_bootstrap_${name}`;
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} gauge`,
    ...samples.map(([labels, value]) => `${full}${labelText(labels)} ${value}`),
  ];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escaped(value)}"`],
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The format escapes these three characters in the value of a label. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
