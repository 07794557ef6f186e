import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import { finding } from '../../../src/core/findings.ts';
import { healthOf } from '../../../src/core/problems.ts';
import { createReporter } from '../../../src/output/index.ts';

function open() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const reporter = createReporter({
    command: 'status',
    format: 'prometheus',
    verbosity: 'normal',
    color: 'never',
    wide: false,
    sandbox: false,
    cwd: '/',
    env: {},
    streams: { stdin: Readable.from([]), stdout, stderr },
  });
  return { reporter, written: () => String(stdout.read() ?? ''), errors: () => String(stderr.read() ?? '') };
}

const parts = { target: { kind: 'Secret', name: 'a/puller' }, what: 'x', why: 'y', hint: 'z' };
const steps = [
  {
    step: 'pull-secret-distribution',
    title: '',
    group: 'pull-secrets',
    findings: [
      finding('ok', { ...parts, secondsLeft: 900 }),
      finding('token-expired', { ...parts, secondsLeft: -5 }),
      finding('token-expired', { ...parts, secondsLeft: 0 }),
    ],
    drift: [],
  },
  {
    step: 'image-puller-key',
    title: '',
    group: 'aws',
    findings: [finding('ok', { ...parts, ageSeconds: 86_400 })],
    drift: [],
  },
] as const;
const view = {
  type: 'status',
  header: { sandbox: false, project: 'de"mo\\', account: '1', context: 'line\nbreak', kubeconfig: [] },
  data: {
    time: '2026-11-29T04:41:07.900Z',
    version: '1.2.3',
    verdict: 'unhealthy',
    counts: healthOf(steps).counts,
    steps,
  },
} as const;

describe('status as metrics', () => {
  it('has one sample for each step, code and group of tokens, with help and type', async () => {
    const { reporter, written } = open();
    await reporter.show(view);
    await reporter.end(false);
    const lines = written().trimEnd().split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE ecr_bootstrap_healthy gauge',
        'ecr_bootstrap_up 1',
        'ecr_bootstrap_healthy 0',
        'ecr_bootstrap_last_check_timestamp_seconds 1795927267',
        'ecr_bootstrap_step_healthy{step="pull-secret-distribution"} 0',
        'ecr_bootstrap_step_healthy{step="image-puller-key"} 1',
        'ecr_bootstrap_findings{level="failed",code="token-expired"} 2',
        'ecr_bootstrap_token_seconds_left{step="pull-secret-distribution"} -5',
        'ecr_bootstrap_key_age_seconds 86400',
      ]),
    );
    const names = lines.filter((line) => !line.startsWith('#')).map((line) => /^\w+/.exec(line)?.[0]);
    for (const name of names) {
      expect(lines.filter((line) => line.startsWith(`# HELP ${name} `))).toHaveLength(1);
      expect(lines).toContain(`# TYPE ${name} gauge`);
    }
  });

  it('escapes quotes, backslashes and line breaks in labels', async () => {
    const { reporter, written } = open();
    await reporter.show(view);
    await reporter.end(false);
    expect(written()).toContain(
      'ecr_bootstrap_info{version="1.2.3",project="de\\"mo\\\\",account="1",context="line\\nbreak"} 1\n',
    );
  });

  it('reports on an error only that status could not run, and the error on stderr', async () => {
    const { reporter, written, errors } = open();
    await reporter.show(view);
    reporter.error(new BootstrapError({ code: 'config-invalid', what: 'w', why: 'y', hint: 'h' }));
    await reporter.end(false);
    expect(
      written()
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual(['ecr_bootstrap_up 0', '']);
    expect(errors()).toContain('error: w');
  });
});
