import { describe, expect, it } from 'vitest';
import type { FindingCode } from '../../../src/core/finding-codes.ts';
import { type Finding, finding } from '../../../src/core/findings.ts';
import type { Group } from '../../../src/core/groups.ts';
import type { StepStatus } from '../../../src/core/inspect.ts';
import { healthOf } from '../../../src/core/problems.ts';
import type { Change } from '../../../src/core/step.ts';
import { nameOf } from '../../../src/core/target.ts';
import { Layout } from '../../../src/output/layout.ts';
import type { Verbosity } from '../../../src/output/reporter.ts';
import { viewLines } from '../../../src/output/views/index.ts';

const found = (code: FindingCode, name: string, more: Partial<Finding> = {}): Finding =>
  finding(code, {
    target: { kind: 'Namespace', name },
    what: `${name} is broken`,
    why: 'it was deleted',
    hint: 'Run `ecr-bootstrap up`.',
    ...more,
  });
const step = (group: Group, findings: readonly Finding[], more: Partial<StepStatus> = {}): StepStatus => ({
  step: group,
  title: `all ${group}`,
  group,
  findings,
  drift: [],
  ...more,
});
const header = {
  sandbox: false,
  project: 'demo',
  account: '123456789012',
  region: 'eu-west-1',
  context: 'prod',
  version: 'v1.36.3',
  kubeconfig: [],
};

interface Options {
  readonly verbosity?: Verbosity;
  readonly width?: number;
  readonly verdict?: 'healthy' | 'unhealthy';
}

function screen(steps: readonly StepStatus[], options: Options = {}): Promise<string[]> {
  const { verbosity = 'normal', width = 80, verdict = 'unhealthy' } = options;
  const { counts } = healthOf(steps);
  const data = { time: '2026-11-29T04:41:07.000Z', version: '1.0.0', verdict, counts, steps };
  return viewLines({ type: 'status', header, data }, new Layout({ width }), verbosity);
}

const healthySteps = (namespaces: number): StepStatus[] => [
  step('aws', [found('ok', 'a')], { summary: { text: '9 repositories' } }),
  step(
    'pull-secrets',
    Array.from({ length: namespaces }, (_, index) =>
      found('ok', `team-${index}`, { secondsLeft: 43_080 + index }),
    ),
  ),
];
const uncovered = (namespaces: number): StepStatus =>
  step(
    'pull-secrets',
    Array.from({ length: namespaces }, (_, index) => found('namespace-uncovered', `team-${index}`)),
    { summary: { text: '', members: { of: 'namespaces', count: 1000 } } },
  );
const change = (action: Change['action'], kind: string, name: string): Change => ({
  action,
  target: { kind, name },
  fields: [],
});
const drifted = (group: Group, drift: readonly Change[]): StepStatus =>
  step(
    group,
    drift.map(({ target }) => found('drift', '', { target, what: `${nameOf(target)} is missing` })),
    { drift },
  );

describe('the screen of a healthy status', () => {
  it('has the verdict and one line for each group', async () => {
    const [first, ...lines] = await screen(healthySteps(300), { verdict: 'healthy' });
    expect(first).toMatch(/^demo · 123456789012 eu-west-1 · prod v1\.36\.3 · \d\d:\d\d:07$/);
    expect(lines).toEqual([
      '',
      'Healthy (2 checks).',
      '',
      '✓ AWS           9 repositories',
      '✓ Pull secrets  OK',
      '✓ Tokens        300 valid, the shortest for 11 h 58 min',
    ]);
  });

  it('is only the verdict when quiet', async () => {
    const lines = await screen(healthySteps(1), { verdict: 'healthy', verbosity: 'quiet' });
    expect(lines).toEqual(['Healthy (2 checks).']);
  });
});

describe('the screen of an unhealthy status', () => {
  it('shows a problem with its reason, fix and code, and the verdict first and last', async () => {
    const lines = await screen([...healthySteps(1), uncovered(7)]);
    expect(lines.slice(1)).toEqual([
      '',
      'Unhealthy: 1 problem (3 checks).',
      '',
      '✗ Pull secrets  7 of 1000 namespaces have no pull secret (team-0, team-1,',
      '                team-2, team-3, …)',
      '                It was deleted.',
      '                fix: ecr-bootstrap up                      [namespace-uncovered]',
      '',
      '✓ AWS           9 repositories',
      '✓ Tokens        1 valid for 11 h 58 min',
      '',
      'Everything: ecr-bootstrap status -v   A code: ecr-bootstrap explain CODE',
      'Unhealthy: 1 problem (3 checks).',
    ]);
  });

  it('counts kinds of many drifted objects, and names a few', async () => {
    const one = await screen([drifted('operator', [change('create', 'Deployment', 'a/b')])]);
    expect(one[4]).toBe('✗ Operator      Deployment a/b is missing');
    const many = await screen([
      drifted('operator', [
        ...Array.from({ length: 16 }, (_, index) => change('create', 'CustomResourceDefinition', `${index}`)),
        change('update', 'IAM policy', 'p'),
        change('update', 'IAM policy', 'q'),
      ]),
    ]);
    expect(many[4]).toBe('✗ Operator      16 CRDs are missing; 2 IAM policies differ');
  });

  it('shows one line for each of many problems with the same fix, and the fix once', async () => {
    const groups = ['aws', 'operator', 'workloads', 'images'] as const;
    const lines = await screen(groups.map((group) => drifted(group, [change('create', 'Role', 'a')])));
    expect(lines.slice(4, 9)).toEqual([
      '✗ AWS           Role a is missing                                        [drift]',
      '✗ Operator      Role a is missing                                        [drift]',
      '✗ Workloads     Role a is missing                                        [drift]',
      '✗ Images        Role a is missing                                        [drift]',
      '                fix: ecr-bootstrap up',
    ]);
  });

  it('shows the fix of each of two problems, even if it is the same', async () => {
    const groups = ['aws', 'operator'] as const;
    const lines = await screen(groups.map((group) => drifted(group, [change('create', 'Role', 'a')])));
    expect(lines.slice(4, 8)).toEqual([
      '✗ AWS           Role a is missing',
      '                fix: ecr-bootstrap up                                    [drift]',
      '✗ Operator      Role a is missing',
      '                fix: ecr-bootstrap up                                    [drift]',
    ]);
  });

  it('names fewer kinds in a line that has no room for two, and keeps what is wrong', async () => {
    const policies = [
      change('create', 'MutatingAdmissionPolicy', 'ecr-bootstrap'),
      change('create', 'MutatingAdmissionPolicyBinding', 'ecr-bootstrap'),
    ];
    const others = (['aws', 'operator'] as const).map((group) =>
      drifted(group, [change('create', 'Role', 'a')]),
    );
    const lineFor = async (...more: readonly Change[]) =>
      (await screen([...others, drifted('workloads', [...policies, ...more])]))[6];
    expect(await lineFor()).toBe(
      '✗ Workloads     1 MutatingAdmissionPolicy and 1 other are missing        [drift]',
    );
    expect(await lineFor(change('update', 'ServiceAccount', 'a'))).toBe(
      '✗ Workloads     2 objects are missing; 1 object differs                  [drift]',
    );
  });

  it('keeps the code near the fix on a wide terminal', async () => {
    const lines = await screen([uncovered(7)], { width: 300 });
    const fix = lines.find((line) => line.includes('fix:'));
    expect(fix).toMatch(/^ {16}fix: ecr-bootstrap up +\[namespace-uncovered\]$/);
    expect(fix).toHaveLength(100);
    const long = found('node-skipped', 'n', { hint: 'x'.repeat(120) });
    const [wide] = (await screen([step('nodes', [long])], { width: 300 })).filter((line) =>
      line.includes('fix:'),
    );
    expect(wide?.endsWith('x  [node-skipped]')).toBe(true);
  });

  it('shows the lines that a fix refers to', async () => {
    const inactive = found('node-mirror-inactive', 'n', { hint: 'Make these changes.', lines: ['a = 1'] });
    expect(await screen([step('nodes', [inactive])])).toContain('    a = 1');
  });

  it('says how many checks could not run', async () => {
    const unreached = found('not-checked', 'Cluster', { target: { kind: 'service', name: 'Cluster' } });
    const lines = await screen([step('operator', [unreached]), step('nodes', [unreached])]);
    expect(lines).toContain('Unhealthy: 1 problem (2 checks, 2 could not run).');
    expect(lines).toContain('                Not checked: operator, nodes.');
  });

  it('fits into 80 by 24 with 1,000 namespaces and problems in each group, and never exceeds its width', async () => {
    const images = Array.from({ length: 500 }, (_, index) =>
      found('internet-image', `registry.example.com/team/app-${index}:1.0`),
    );
    const steps = [
      ...healthySteps(1000),
      drifted('operator', [change('create', 'Deployment', 'external-secrets/external-secrets')]),
      uncovered(993),
      step('images', images),
    ];
    expect((await screen(steps)).length).toBeLessThanOrEqual(24);
    for (const width of [40, 80, 120]) {
      for (const line of await screen(steps, { width })) expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  it('counts as healthy with warnings only, and mentions them', async () => {
    const lines = await screen([step('nodes', [found('node-skipped', 'n')])], { verdict: 'healthy' });
    expect(lines).toContain('Healthy, 1 warning (1 check).');
  });

  it('lists every finding with -v', async () => {
    const lines = await screen([uncovered(7)], { verbosity: 'verbose' });
    expect(lines.filter((line) => line.includes('[namespace-uncovered]'))).toHaveLength(7);
    expect(lines).toContain('        why: it was deleted');
    expect(lines.at(-1)).toBe('Unhealthy: 1 problem (1 check).');
  });

  it('shows no control characters from untrusted texts', async () => {
    const lines = await screen([step('nodes', [found('node-skipped', 'n', { what: 'a\u001b[2Jb' })])]);
    expect(lines.join('\n')).toContain('a\\u001b[2Jb');
  });
});
