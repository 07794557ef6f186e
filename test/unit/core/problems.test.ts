import { describe, expect, it } from 'vitest';
import type { FindingCode } from '../../../src/core/finding-codes.ts';
import { type Finding, finding } from '../../../src/core/findings.ts';
import type { Group } from '../../../src/core/groups.ts';
import type { StepStatus } from '../../../src/core/inspect.ts';
import { healthOf } from '../../../src/core/problems.ts';

const found = (code: FindingCode, name: string, more: Partial<Finding> = {}): Finding =>
  finding(code, {
    target: { kind: 'thing', name },
    what: `${name} is broken`,
    why: 'it was deleted',
    hint: 'Run `ecr-bootstrap up`.',
    ...more,
  });
const step = (id: string, group: Group, findings: readonly Finding[], more: Partial<StepStatus> = {}) => ({
  step: id,
  title: id,
  group,
  findings,
  drift: [],
  ...more,
});
const namespaces = (count: number): Finding[] =>
  Array.from({ length: count }, (_, index) => found('namespace-uncovered', `team-${index}`));
const summarized = (steps: readonly StepStatus[]) =>
  healthOf(steps).problems.map(({ title, level, fact, others }) => [
    title,
    level,
    fact.code,
    fact.findings.length,
    ...others.map(({ code }) => code),
  ]);

describe('the problems of a status', () => {
  it('count equal findings once, with the number of all members', () => {
    const summary = { text: '', members: { of: 'namespaces', count: 1000 } };
    const steps = [step('pull-secret-distribution', 'pull-secrets', namespaces(1000), { summary })];
    const { problems, counts } = healthOf(steps);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ fix: 'ecr-bootstrap up', fact: { total: 1000 } });
    expect(counts).toMatchObject({ problems: 1, findings: { failed: 1000 } });
  });

  it('join symptoms and their cause in one group if one command fixes both', () => {
    const drift = found('drift', 'x', { hint: 'ecr-bootstrap up' });
    expect(summarized([step('one', 'pull-secrets', [drift, ...namespaces(3)])])).toEqual([
      ['Pull secrets', 'failed', 'namespace-uncovered', 3, 'drift'],
    ]);
  });

  it('show a consequence for another group below its cause', () => {
    const drift = found('drift', 'Deployment');
    const consequence = found('operator-unhealthy', 'Deployment', { what: 'nothing is renewed' });
    const steps = [step('operator', 'operator', [drift]), step('refresh', 'pull-secrets', [consequence])];
    expect(summarized(steps)).toEqual([['Operator', 'failed', 'drift', 1, 'operator-unhealthy']]);
  });

  it('report a service that several steps cannot reach once, before everything else', () => {
    const unreached = found('not-checked', 'Cluster', { target: { kind: 'service', name: 'Cluster' } });
    const steps = [
      step('repositories', 'aws', [found('repository-unknown', 'a')]),
      step('operator', 'operator', [unreached]),
      step('nodes', 'nodes', [unreached]),
    ];
    expect(summarized(steps)).toEqual([
      ['AWS', 'failed', 'repository-unknown', 1],
      ['Cluster', 'unknown', 'not-checked', 2],
    ]);
    expect(healthOf(steps).counts).toMatchObject({ checks: 3, notChecked: 2, problems: 2 });
  });

  it('leave a group healthy if only one of its steps needs the unreachable service', () => {
    const unreached = found('not-checked', 'Cluster', { target: { kind: 'service', name: 'Cluster' } });
    const steps = [
      step('users', 'aws', [found('ok', 'a')]),
      step('registration', 'aws', [unreached]),
      step('nodes', 'nodes', [unreached]),
    ];
    expect(healthOf(steps).healthy.map(({ group }) => group)).toEqual(['aws']);
  });

  it('stay apart if they are few and differ, and become one if they are many', () => {
    const failing = (count: number): Finding[] =>
      Array.from({ length: count }, (_, index) =>
        found('pull-failing', `pod-${index}`, { why: `reason ${index}`, hint: `Fix ${index}.` }),
      );
    expect(summarized([step('service-accounts', 'workloads', failing(2))])).toHaveLength(2);
    const [problem, ...others] = healthOf([step('service-accounts', 'workloads', failing(3))]).problems;
    expect(others).toEqual([]);
    expect(problem?.fix).toBe('ecr-bootstrap status -v --only service-accounts');
  });

  it('put the worst first, and neighbors with the same fix together', () => {
    const steps = [
      step('images', 'images', [found('internet-image', 'a', { hint: 'x' })]),
      step('users', 'aws', [found('drift', 'b')]),
      step('nodes', 'nodes', [found('node-agent-unready', 'c', { hint: 'y' }), found('drift', 'd')]),
    ];
    expect(summarized(steps).map(([title, , code]) => [title, code])).toEqual([
      ['AWS', 'drift'],
      ['Nodes', 'drift'],
      ['Nodes', 'node-agent-unready'],
      ['Workloads', 'internet-image'],
    ]);
  });

  describe('that a finding about an image causes', () => {
    const name = 'docker.io/library/nginx:9.9';
    const causedBy = { kind: 'thing', name };
    const unresolved = found('image-unresolved', name, { level: 'failed', hint: 'Correct it.' });
    const pod = (index: number) =>
      found('pull-failing', `pod-${index}`, { causedBy, hint: `Run \`ecr-bootstrap why pod/${index}\`.` });
    const missing = found('mirrored-image-missing', name, { causedBy, hint: 'Copy it.' });

    it('are part of that problem, which is counted once', () => {
      const steps = [
        step('service-accounts', 'workloads', [pod(1), pod(2)]),
        step('images', 'images', [unresolved]),
        step('node-access', 'nodes', [missing]),
      ];
      expect(summarized(steps)).toEqual([
        ['Images', 'failed', 'image-unresolved', 1, 'pull-failing', 'mirrored-image-missing'],
      ]);
      const { counts, healthy } = healthOf(steps);
      expect(counts).toMatchObject({ problems: 1, warnings: 0, findings: { failed: 3, warning: 1 } });
      expect(healthy).toEqual([]);
    });

    it('are shown once, with the worst of several problems about the image', () => {
      const steps = [
        step('images', 'images', [unresolved]),
        step('other', 'aws', [found('platform-unavailable', name, { hint: 'Select nodes.' })]),
        step('service-accounts', 'workloads', [pod(1)]),
      ];
      expect(summarized(steps)).toEqual([
        ['Images', 'failed', 'image-unresolved', 1, 'pull-failing'],
        ['AWS', 'warning', 'platform-unavailable', 1],
      ]);
    });

    it('make it as bad as the worst of them', () => {
      const steps = [
        step('images', 'images', [{ ...unresolved, level: 'warning' }]),
        step('service-accounts', 'workloads', [pod(1)]),
      ];
      expect(summarized(steps)).toEqual([['Images', 'failed', 'image-unresolved', 1, 'pull-failing']]);
    });

    it('are problems of their own without that finding, and if it is about another image', () => {
      const other = found('image-unresolved', 'other', { level: 'failed' });
      const steps = [step('images', 'images', [other]), step('nodes', 'nodes', [missing, pod(1)])];
      expect(summarized(steps).map(([, , code]) => code)).toEqual([
        'pull-failing',
        'image-unresolved',
        'mirrored-image-missing',
      ]);
    });
  });

  describe('of a cluster that is not set up', () => {
    const setup = found('not-set-up', 'cluster registration');
    const fresh = [
      step('users', 'aws', [
        found('drift', 'x', { hint: 'Run `ecr-bootstrap up` as an administrator.' }),
        setup,
      ]),
      step('distribution', 'pull-secrets', namespaces(6)),
      step('images', 'images', [found('internet-image', 'i', { hint: 'Change it.' })]),
    ];

    it('are one, which comes first', () => {
      expect(summarized(fresh)).toEqual([['Setup', 'failed', 'not-set-up', 1]]);
      expect(healthOf(fresh)).toMatchObject({ healthy: [], counts: { problems: 1, warnings: 0 } });
    });

    it('also include those that up does not resolve', () => {
      const conflict = found('user-conflict', 'image-puller', { hint: 'Set another name.' });
      expect(summarized([step('aws', 'aws', [conflict]), ...fresh])).toEqual([
        ['Setup', 'failed', 'not-set-up', 1],
        ['AWS', 'failed', 'user-conflict', 1],
      ]);
    });
  });

  it('do not include a healthy group, which lists its summaries and tokens', () => {
    const token = (name: string, secondsLeft: number) => found('ok', name, { secondsLeft });
    const steps = [
      step('refresh', 'pull-secrets', [token('a', 500), token('b', 300)], { summary: { text: 'renewed' } }),
      step('nodes', 'nodes', [found('node-skipped', 'n')]),
    ];
    const { healthy, counts } = healthOf(steps);
    expect(healthy).toEqual([
      { group: 'pull-secrets', title: 'Pull secrets', summaries: ['renewed'], secondsLeft: [] },
      { group: 'tokens', title: 'Tokens', summaries: [], secondsLeft: [500, 300] },
    ]);
    expect(counts).toMatchObject({ problems: 0, warnings: 1 });
  });
});
