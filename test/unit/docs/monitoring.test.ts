import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

const read = (name: string): string => readFileSync(`docs/operations/${name}`, 'utf8');

/** Labels of all metrics about one object, and of those about its conditions: pkg/controllers/metrics/labels.go. */
const about = ['name', 'namespace'];
const conditions = [...about, 'condition', 'status'];

/** What External Secrets Operator v0.12.1 tells, by the source files that register it, below pkg/controllers. */
const operatorMetrics: Readonly<Record<string, readonly string[]>> = {
  // externalsecret/esmetrics/esmetrics.go
  externalsecret_sync_calls_total: about,
  externalsecret_sync_calls_error: about,
  externalsecret_status_condition: conditions,
  externalsecret_reconcile_duration: about,
  // clusterexternalsecret/cesmetrics/cesmetrics.go
  clusterexternalsecret_status_condition: conditions,
  clusterexternalsecret_reconcile_duration: about,
  // secretstore/ssmetrics/ssmetrics.go and secretstore/cssmetrics/cssmetrics.go
  secretstore_status_condition: conditions,
  secretstore_reconcile_duration: about,
  clustersecretstore_status_condition: conditions,
  clustersecretstore_reconcile_duration: about,
};

/** Of kube-state-metrics: docs/metrics/workload/daemonset-metrics.md in its repository. */
const clusterMetrics: Readonly<Record<string, readonly string[]>> = {
  kube_daemonset_status_number_unavailable: ['daemonset', 'namespace'],
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const functions = new Set(['increase', 'absent', 'time', 'or']);

/** Names in an expression with the labels that they are selected by. */
function selectorsIn(expr: string): { name: string; labels: string[] }[] {
  const matches = [...expr.matchAll(/([a-z_]+)(?:\{([^}]*)\})?/g)];
  const bare = expr.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\[[^\]]*\]/g, '');
  return matches
    .filter(([, name = '']) => !functions.has(name) && new RegExp(`\\b${name}\\b`).test(bare))
    .map(([, name = '', inside = '']) => ({
      name,
      labels: [...inside.matchAll(/([a-z_]+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label),
    }));
}

describe('the rules for Prometheus', () => {
  let cli: Cli;
  let written: string;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    await cli.run('up --yes -q');
    written = (await cli.run('status -o prometheus')).stdout;
  }, 60_000);
  afterAll(() => cli.close());

  const { groups } = load(read('alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  it('have the form that Prometheus reads', () => {
    expect(groups.map(({ name }) => name)).toEqual(['ecr-bootstrap']);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(Object.keys(rule).sort()).toEqual(['alert', 'annotations', 'expr', 'for', 'labels']);
      expect(rule.for).toMatch(/^\d+[mh]$/);
      expect(rule.labels['severity']).toMatch(/^(warning|critical)$/);
      expect(Object.keys(rule.annotations).sort()).toEqual(['description', 'summary']);
    }
  });

  it('name only metrics and labels that the operator or status has', () => {
    const own = [...written.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name = '']) => name);
    const known = new Map([
      ...Object.entries(operatorMetrics),
      ...Object.entries(clusterMetrics),
      ...own.map((name) => [name, ['step']] as const),
    ]);
    for (const { name, labels } of rules.flatMap(({ expr }) => selectorsIn(expr))) {
      expect([...known.keys()]).toContain(name);
      for (const label of labels) expect(known.get(name)).toContain(label);
    }
  });

  it('are about what they are to be about', () => {
    const exprs = rules.map(({ expr }) => expr).join('\n');
    expect(exprs).toMatch(/externalsecret_status_condition\{.*status="False"/);
    expect(exprs).toContain('externalsecret_sync_calls_error');
    expect(exprs).toContain('ecr_bootstrap_token_seconds_left < 4 * 3600');
  });

  it('have a source for the time that tokens last, in the namespace of the operator and elsewhere', () => {
    const lines = [...written.matchAll(/^ecr_bootstrap_token_seconds_left\{step="(\S+)"\} (\d+)$/gm)];
    expect(lines.map(([, step]) => step)).toEqual(['pull-secret-refresh', 'pull-secret-distribution']);
    for (const [, , left] of lines) expect(Number(left)).toBeGreaterThan(11 * 3600);
    expect(written).toContain('ecr_bootstrap_healthy 1\n');
  });

  it('are about metrics that the docs describe', () => {
    const described = [...read('monitoring.md').matchAll(/^\| `(ecr_bootstrap_\w+)`/gm)].map(
      ([, name]) => name,
    );
    const metrics = [...written.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(described).toEqual(metrics);
  });
});
