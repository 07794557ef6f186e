import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import type { Finding } from '../../../src/core/findings.ts';
import { createReporter } from '../../../src/output/index.ts';
import { parseDocument } from '../../support/documents.ts';

it('lists the findings of a run as objects with their codes, and notes as warnings', async () => {
  const stdout = new PassThrough();
  const reporter = createReporter({
    command: 'up',
    format: 'json',
    verbosity: 'normal',
    color: 'never',
    wide: false,
    sandbox: false,
    cwd: '/',
    env: {},
    streams: { stdin: Readable.from([]), stdout, stderr: new PassThrough() },
  });
  const finding: Finding = {
    level: 'warning',
    code: 'platform-unavailable',
    target: { kind: 'image', name: 'docker.io/library/nginx:1.27' },
    what: 'nginx:1.27 is not available for linux/arm64',
    why: 'its source does not have it',
    hint: 'Add a nodeSelector.',
  };
  reporter.event({ type: 'finding', step: 'images', finding });
  reporter.event({ type: 'note', step: 'images', text: 'a note' });
  await reporter.end(true);
  expect(parseDocument(String(stdout.read()))).toEqual({
    schemaVersion: 1,
    command: 'up',
    ok: true,
    findings: [finding],
    warnings: ['a note'],
  });
});
