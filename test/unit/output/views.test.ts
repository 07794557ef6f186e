import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/output/layout.ts';
import type { View } from '../../../src/output/view.ts';
import { errorLines } from '../../../src/output/text.ts';
import { viewLines } from '../../../src/output/views/index.ts';
import { statusLines } from '../../../src/output/views/status.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Change } from '../../../src/core/step.ts';
import type { Finding } from '../../../src/core/findings.ts';
import type { Digest } from '../../../src/clients/registry/digest.ts';
import { Secret } from '../../../src/core/secret.ts';

const plain = new Layout();
const lines = (view: View, verbosity: 'quiet' | 'normal' | 'verbose' = 'normal') =>
  viewLines(view, plain, verbosity);
const change = (
  action: Change['action'],
  kind: string,
  name: string,
  more: Partial<Change> = {},
): Change => ({
  action,
  target: { kind, name },
  fields: [],
  ...more,
});
const plan = (changes: readonly Change[], findings: readonly Finding[] = []): View => ({
  type: 'plan',
  data: { dryRun: false, steps: [{ step: 'images', title: 'all images', changes, findings }] },
});

describe('a plan', () => {
  it('marks created, updated, replaced and deleted resources', async () => {
    const actions = (['create', 'update', 'replace', 'delete'] as const).map((action) =>
      change(action, 'thing', action),
    );
    expect(await lines(plan(actions))).toEqual([
      'images  all images',
      '  + thing create',
      '  ~ thing update',
      '  -/+ thing replace',
      '  - thing delete',
      '',
      'Plan: 1 to create, 1 to update, 1 to replace, 1 to delete.',
    ]);
  });

  it('shows each field of an update with its old and new value', async () => {
    const fields = [
      { path: 'spec.image', from: 'a', to: 'b' },
      { path: 'spec.count', to: 2 },
    ];
    expect(await lines(plan([change('update', 'Deployment', 'x/y', { fields })]))).toContain(
      '      spec.image: a -> b',
    );
  });

  it('never shows a secret value', async () => {
    const fields = [{ path: 'data.key', from: new Secret('hunter2-hunter2'), to: new Secret('swordfish-1') }];
    const text = (await lines(plan([change('update', 'Secret', 'x/y', { fields })]), 'verbose')).join('\n');
    expect(text).toContain('data.key: (secret) -> (secret)');
    expect(text).not.toMatch(/hunter2|swordfish/);
  });

  it('counts similar changes, and lists them all when verbose', async () => {
    const many = ['a', 'b', 'c', 'd'].map((name) => change('update', 'ServiceAccount', `ns/${name}`));
    expect(await lines(plan(many))).toContain('  ~ 4 × ServiceAccount (ns/a, ns/b, … -v lists all)');
    expect(
      (await lines(plan(many), 'verbose')).filter((line) => line.includes('ServiceAccount')),
    ).toHaveLength(4);
  });

  it('says that there is nothing to change', async () => {
    expect(await lines(plan([]))).toEqual(['Nothing to change.']);
  });
});

describe('an error', () => {
  const parts = { what: 'could not start', why: 'another run is active', hint: 'Wait.' };
  const error = new BootstrapError(
    { code: 'locked', ...parts },
    { others: [new BootstrapError({ code: 'timeout', ...parts })] },
  );

  it('links to the page of its code once in a release', () => {
    const url = 'https://example.com/errors.md#locked';
    expect(errorLines(error, plain, url)).toEqual([
      'error: could not start [locked]',
      '  why: another run is active',
      '  fix: Wait.',
      'error: could not start [timeout]',
      '  why: another run is active',
      '  fix: Wait.',
      `  see: ${url}`,
    ]);
  });

  it('has no link in a clone, because its package names no repository', () => {
    expect(errorLines(error, plain).join('\n')).not.toContain('see:');
  });
});

describe('a status', () => {
  const finding = (level: Finding['level'], more: Partial<Finding> = {}): Finding => ({
    level,
    code: 'operator-unhealthy',
    target: { kind: 'thing', name: 'x' },
    what: 'thing x is gone',
    why: 'it was deleted',
    hint: 'ecr-bootstrap up',
    ...more,
  });
  const status = (findings: readonly Finding[], healthy: boolean): View => ({
    type: 'status',
    data: { healthy, steps: [{ step: 'images', title: 'all images', findings, drift: [] }] },
  });

  it('shows a finding with its code, its reason and its fix', async () => {
    expect(await lines(status([finding('failed')], false))).toEqual([
      '✗ images  all images',
      '    ✗ thing x is gone [operator-unhealthy]',
      '        why: it was deleted',
      '        fix: ecr-bootstrap up',
      '',
      'Unhealthy: 1 failed (1 check).',
    ]);
  });

  it('links to the explanation of codes in a release, if it shows a code', () => {
    const url = 'https://example.com/errors.md';
    const shown = (level: Finding['level']): string[] =>
      statusLines(
        { healthy: false, steps: [{ step: 'images', title: '', findings: [finding(level)], drift: [] }] },
        plain,
        false,
        url,
      );
    expect(shown('failed').slice(-2)).toEqual([
      `Codes are explained at ${url}`,
      'Unhealthy: 1 failed (1 check).',
    ]);
    expect(shown('ok').join('\n')).not.toContain(url);
  });

  it('shows the reason why several checks could not run only once', async () => {
    const unchecked = finding('unknown', { code: 'not-checked', what: 'reach the API', why: 'no route' });
    const steps = ['operator', 'images'].map((step) => ({
      step,
      title: '',
      findings: [unchecked],
      drift: [],
    }));
    expect(await lines({ type: 'status', data: { healthy: false, steps } })).toEqual([
      '? operator  ',
      '? images    ',
      '',
      '? reach the API [not-checked]',
      '    why: no route',
      '    fix: ecr-bootstrap up',
      '    for: operator, images',
      '',
      'Unhealthy: 2 unknown (2 checks).',
    ]);
  });

  it('shows the reason of several findings only once', async () => {
    const alike = ['a', 'b'].map((name) =>
      finding('failed', { what: `namespace ${name} has no pull secret` }),
    );
    expect((await lines(status(alike, false))).slice(1, 5)).toEqual([
      '    ✗ namespace a has no pull secret [operator-unhealthy]',
      '    ✗ namespace b has no pull secret [operator-unhealthy]',
      '        why: it was deleted',
      '        fix: ecr-bootstrap up',
    ]);
  });

  it('shows when the first token expires in one line, and each token when verbose', async () => {
    const token = (name: string, hours: number): Finding =>
      finding('ok', { what: `token of ${name}/puller is valid for ${hours} h`, secondsLeft: hours * 3600 });
    const view = status([token('a', 12), token('b', 11)], true);
    expect((await lines(view))[1]).toBe('    ✓ tokens in 2 namespaces are valid for at least 11 h 0 min');
    expect((await lines(view, 'verbose')).slice(1, 3)).toEqual([
      '    ✓ token of a/puller is valid for 12 h',
      '    ✓ token of b/puller is valid for 11 h',
    ]);
  });

  it('shows no control characters from untrusted texts', async () => {
    const text = (await lines(status([finding('failed', { why: 'a\u001b[2Jb\u200bc' })], false))).join('\n');
    expect(text).toContain('why: a\\u001b[2Jb\\u200bc');
  });

  it('is healthy with warnings, and counts them', async () => {
    expect((await lines(status([finding('warning')], true))).at(-1)).toBe('Healthy, 1 warning (1 check).');
  });
});

describe('a mirror run', () => {
  const result = {
    source: 'docker.io/library/nginx:1',
    wantedBy: [],
    target: 'host/p/nginx:1',
    engine: 'registry',
    platforms: [],
    bytesSent: 0,
    bytesMounted: 0,
    bytesSkipped: 0,
    requests: 0,
    seconds: 0,
  } as const;

  it('prints one ECR reference per line when quiet', async () => {
    const images = [
      { ...result, state: 'copied' as const },
      { ...result, target: 'host/p/other:1', state: 'failed' as const },
    ];
    expect(await lines({ type: 'mirror', data: { dryRun: false, images } }, 'quiet')).toEqual([
      'host/p/nginx:1',
    ]);
  });

  it.each(['whole', 'platform', 'reduced'] as const)(
    'shows the copied content (%s), the platforms, and the old and new digest of a moved tag',
    async (content) => {
      const moved = {
        ...result,
        state: 'moved' as const,
        content,
        platforms: ['linux/amd64'],
        previousDigest: `sha256:${'a'.repeat(64)}` as Digest,
        targetDigest: `sha256:${'b'.repeat(64)}` as Digest,
      };
      const [, row] = await lines({ type: 'mirror', data: { dryRun: false, images: [moved] } });
      expect(row).toContain(`aaaaaaaaaaaa -> bbbbbbbbbbbb  ${content}  linux/amd64`);
    },
  );
});
