import { Readable, Writable } from 'node:stream';
import stringWidth from 'fast-string-width';
import { load, loadAll } from 'js-yaml';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BootstrapError, severalErrors } from '../../../src/core/errors.ts';
import { type ErrorCode, errorCodes } from '../../../src/core/error-codes.ts';
import { createReporter, type Header, type Reporter } from '../../../src/output/index.ts';
import type { View } from '../../../src/output/view.ts';
import type { Change, Event } from '../../../src/core/step.ts';
import type { Finding } from '../../../src/core/findings.ts';
import type { Digest } from '../../../src/clients/registry/digest.ts';
import { Secret } from '../../../src/core/secret.ts';

/**
 * Clears the screen, sets the title, sets colors, moves the cursor, reverses the direction, hides text, and
 * fakes a line. Its words are wider than a terminal.
 */
const hostile = [
  'name\u001b[2J\u001b]0;title\u0007\u001b[45mpainted\u009b3A\u0000\b\u007f\u0085',
  '\u202Egnp.exe\u2066\u200b\u2028\u061c\u{E0041}\ufeff',
  '語'.repeat(90),
  '\r✓ all healthy\n✓ all healthy\r\n✓ all healthy\v✓ all healthy',
].join('');

const error = (code: ErrorCode): BootstrapError =>
  new BootstrapError({ code, what: hostile, why: hostile, hint: hostile });
const target = { kind: hostile, name: hostile };
const finding = (level: Finding['level']): Finding => ({
  level,
  code: 'operator-unhealthy',
  target,
  what: hostile,
  why: hostile,
  hint: hostile,
});
const findings = (['ok', 'warning', 'failed', 'unknown'] as const).map(finding);
const change = (action: Change['action']): Change => ({
  action,
  target,
  fields: [{ path: hostile, from: hostile, to: { [hostile]: [hostile, new Secret('hunter2-hunter2')] } }],
  reason: hostile,
  adopts: { owner: hostile },
});
const changes = (['create', 'update', 'replace', 'delete'] as const).map(change);
const outcomes = changes.flatMap((each) => [
  { change: each, result: 'done', detail: hostile } as const,
  { change: each, result: 'failed', error: error('aws-failed'), tolerable: true } as const,
  { change: each, result: 'skipped' } as const,
]);
const mirrored = {
  source: hostile,
  wantedBy: [hostile],
  target: hostile,
  engine: 'registry',
  platforms: [hostile],
  sourceDigest: hostile as Digest,
  targetDigest: hostile as Digest,
  previousDigest: hostile as Digest,
  bytesSent: 1,
  bytesMounted: 0,
  bytesSkipped: 0,
  requests: 1,
  seconds: 1,
} as const;

const header: Required<Header> = {
  sandbox: true,
  project: hostile,
  caller: hostile,
  account: hostile,
  region: hostile,
  registry: hostile,
  context: hostile,
  server: hostile,
  version: hostile,
  config: hostile,
  kubeconfig: [hostile],
};

/** One example of every view. The compiler checks that the list is complete. */
const views: { readonly [T in View['type']]: Extract<View, { readonly type: T }> } = {
  plan: {
    type: 'plan',
    data: {
      dryRun: false,
      adoptBy: hostile,
      steps: [{ step: hostile, title: hostile, group: 'images', changes, unmanaged: changes, findings }],
    },
  },
  result: {
    type: 'result',
    data: {
      steps: [{ step: hostile, outcomes, failures: [{ target, error: error('not-ready') }] }],
      changed: 1,
      unplanned: 0,
      made: { create: 1 },
      seconds: 1,
      next: [hostile],
    },
  },
  unused: {
    type: 'unused',
    data: {
      registry: hostile,
      images: [
        {
          repository: hostile,
          tags: [hostile],
          digest: hostile,
          tagOnly: false,
          sizeBytes: 1,
          pushed: hostile,
        },
      ],
      sizeBytes: 1,
      skipped: [{ repository: hostile, why: hostile }],
    },
  },
  pruned: {
    type: 'pruned',
    data: {
      deleted: 1,
      sizeBytes: 1,
      kept: [{ name: hostile, code: hostile, why: hostile }],
      inUse: 1,
    },
  },
  status: {
    type: 'status',
    header,
    data: {
      time: hostile,
      version: hostile,
      verdict: 'unhealthy',
      counts: {
        checks: 1,
        notChecked: 0,
        problems: 1,
        warnings: 1,
        findings: { ok: 1, warning: 1, failed: 1, unknown: 1 },
      },
      steps: [
        {
          step: hostile,
          title: hostile,
          group: 'nodes',
          findings,
          drift: changes,
          summary: { text: hostile, members: { of: hostile, count: 1 } },
        },
      ],
    },
  },
  mirror: {
    type: 'mirror',
    data: {
      dryRun: false,
      images: [
        { ...mirrored, state: 'moved' },
        { ...mirrored, state: 'failed', error: error('image-missing') },
      ],
    },
  },
  images: {
    type: 'images',
    data: {
      registry: hostile,
      images: [
        {
          source: hostile,
          target: hostile,
          present: true,
          digest: hostile,
          usedBy: [hostile, hostile],
          outside: [hostile],
          mirrored: false,
        },
      ],
    },
  },
  config: {
    type: 'config',
    data: { file: hostile, values: [{ key: hostile, value: { [hostile]: hostile }, origin: hostile }] },
  },
  objects: {
    type: 'objects',
    data: { objects: [{ kind: 'ConfigMap', data: { plain: 'a: b', hostile, lines: 'one\ntwo\n' } }] },
  },
  document: { type: 'document', data: { name: hostile, document: { [hostile]: hostile } } },
  doctor: {
    type: 'doctor',
    data: { ready: false, checks: [{ check: hostile, title: hostile, findings }] },
  },
  why: {
    type: 'why',
    data: {
      subject: hostile,
      verdict: 'cause-found',
      cause: { id: hostile, what: hostile, why: hostile, fix: hostile },
      chain: (['ok', 'failed', 'unknown'] as const).map((state) => ({
        link: 'ecr' as const,
        state,
        text: hostile,
      })),
    },
  },
  explanation: {
    type: 'explanation',
    data: { code: hostile, exitCode: 1, level: 'failed', about: hostile, fix: hostile },
  },
  version: {
    type: 'version',
    data: {
      program: hostile,
      node: hostile,
      singleFile: true,
      platform: hostile,
      cluster: { context: hostile, kubernetes: hostile, operator: hostile, problem: hostile },
    },
  },
  text: { type: 'text', data: { text: hostile } },
};

const step = hostile;
const events: { readonly [T in Event['type']]: Extract<Event, { readonly type: T }> } = {
  'step-started': { type: 'step-started', step, title: hostile, changes: 1 },
  'step-done': { type: 'step-done', step, title: hostile, made: { create: 1 }, milliseconds: 1 },
  'change-found': { type: 'change-found', step, change: change('update') },
  'no-longer-needed': { type: 'no-longer-needed', step, change: change('delete') },
  'change-started': { type: 'change-started', step, change: change('update') },
  'change-done': {
    type: 'change-done',
    step,
    outcome: { change: change('update'), result: 'failed', error: error('aws-failed') },
  },
  'member-failed': { type: 'member-failed', step, failure: { target, error: error('not-ready') } },
  waiting: { type: 'waiting', step, what: hostile, seconds: 10 },
  finding: { type: 'finding', step, finding: finding('failed') },
  progress: {
    type: 'progress',
    step,
    progress: { id: hostile, label: hostile, done: 1, total: 3, unit: 'items' },
  },
  'image-done': {
    type: 'image-done',
    step,
    source: hostile,
    state: hostile,
    bytesSent: 1,
    seconds: 1,
    error: error('image-missing'),
  },
  note: { type: 'note', step, text: hostile },
  detail: { type: 'detail', step, text: hostile },
};

/** Sequences of this program and Node's readline: five colors and their resets, clearing a line, the prompt. */
const ownSequences = /\u001b\[(?:1|2|22|31|32|33|39)m|\r\u001b\[2K|\u001b\[(?:\d*G|0?J)|\r(?=\n)/g;

describe('a terminal', () => {
  afterEach(() => vi.useRealTimers());

  it.each(Object.values(views))('is safe from hostile text in the view $type', async (view) => {
    for (const verbosity of ['quiet', 'normal', 'verbose'] as const) {
      const text = await written((reporter) => reporter.show(view), { verbosity });
      expectHarmless(text);
      if (view.type !== 'text') expectNoFakedLine(text);
    }
  });

  it.each(Object.values(events))('is safe from hostile text in the event $type', async (event) => {
    vi.useFakeTimers();
    for (const verbosity of ['quiet', 'normal', 'verbose'] as const) {
      const text = await written(
        (reporter) => {
          // The live line shows only events within a step.
          reporter.event({ type: 'step-started', step: 'users', title: 'IAM users', changes: 3 });
          reporter.event(event);
          vi.advanceTimersByTime(1000);
        },
        { verbosity },
      );
      expectHarmless(text);
      expectNoFakedLine(text);
    }
  });

  it('is safe from hostile text in every error', async () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const text = await written((reporter) => reporter.error(error(code)));
      expectHarmless(text);
      expectNoFakedLine(text);
    }
  });

  const { signal } = new AbortController();
  it.each<[string, (reporter: Reporter) => unknown]>([
    ['a header', (reporter) => reporter.header(header)],
    ['a warning', (reporter) => reporter.warn(hostile)],
    ['a question', (reporter) => reporter.ask(hostile, { signal })],
    ['a question for a word', (reporter) => reporter.ask(hostile, { expected: hostile, signal })],
  ])('is safe from hostile text in %s', async (_, use) => {
    const text = await written(use);
    expectHarmless(text);
    expectNoFakedLine(text);
  });

  describe.each([20, 40, 80, 120, 500])('of %i columns', (columns) => {
    const options = { columns } as const;

    it.each(Object.values(views).filter(({ type }) => !widerThanTerminal.includes(type)))(
      'has room for the view $type',
      async (view) => {
        for (const verbosity of ['normal', 'verbose'] as const)
          expectToFit(await written((reporter) => reporter.show(view), { ...options, verbosity }), columns);
      },
    );

    it.each(Object.values(events))('has room for the event $type', async (event) => {
      vi.useFakeTimers();
      const text = await written((reporter) => {
        reporter.event({ type: 'step-started', step: 'users', title: hostile, changes: 3 });
        reporter.event(event);
        vi.advanceTimersByTime(3000);
      }, options);
      expectToFit(text, columns);
    });

    it('has room for errors, headers, warnings and questions', async () => {
      const text = await written(async (reporter) => {
        reporter.header(header);
        reporter.warn(hostile);
        reporter.error(severalErrors([error('timeout'), error('locked')]));
        await reporter.ask(hostile, { expected: hostile, signal });
      }, options);
      expectToFit(text, columns);
    });
  });

  it('is safe from hostile text in JSON documents, which keep exact values', async () => {
    for (const view of Object.values(views)) {
      const text = await written((reporter) => reporter.show(view), { format: 'json' });
      expectHarmless(text);
      const document = JSON.parse(text) as Record<string, unknown>;
      expect(document[view.type]).toEqual(JSON.parse(JSON.stringify(view.data)));
    }
  });
});

describe('text output that is data', () => {
  it('keeps the values of YAML and JSON exact', async () => {
    const yaml = await written((reporter) => reporter.show(views.objects));
    expect(loadAll(yaml)).toEqual(views.objects.data.objects);
    expect(load(yaml.replace(/^---\n/, ''))).toEqual(views.objects.data.objects[0]);
    const json = await written((reporter) => reporter.show(views.document));
    expect(JSON.parse(json)).toEqual(views.document.data.document);
  });

  it('keeps the lines and tabs of a script', async () => {
    const text = 'case $word in\n\tup) ;;\nesac';
    expect(await written((reporter) => reporter.show({ type: 'text', data: { text } }))).toBe(`${text}\n`);
  });
});

it('prints a text with a very long run of spaces in linear time', async () => {
  const spaces = ' '.repeat(40_000);
  expect(await written((reporter) => reporter.warn(`a${spaces}b${spaces}\n${spaces}c`))).toContain('a b c');
});

describe('a secret of several lines', () => {
  it('is masked in a text that is shown on one line', async () => {
    const key = '-----BEGIN KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9\n-----END KEY-----';
    const secret = new Secret(key);
    const text = await written((reporter) => reporter.warn(`${String(secret)} is ${key}`));
    expect(text).toContain('(secret) is (secret)');
  });
});

/** Everything that a reporter with colors and motion writes to either stream. */
async function written(
  use: (reporter: Reporter) => unknown,
  {
    format = 'text',
    verbosity = 'verbose',
    columns = 1000,
  }: { format?: 'text' | 'json'; verbosity?: 'quiet' | 'normal' | 'verbose'; columns?: number } = {},
): Promise<string> {
  let text = '';
  const screen = () =>
    Object.assign(
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          text += chunk.toString();
          done();
        },
      }),
      { isTTY: true, columns },
    );
  const stdin = Object.assign(Readable.from(['n\n', 'n\n']), { isTTY: true });
  const reporter = createReporter({
    command: 'test',
    format,
    verbosity,
    color: 'always',
    wide: false,
    sandbox: false,
    cwd: '/',
    streams: { stdin, stdout: screen(), stderr: screen() },
    env: { TERM: 'xterm' },
  });
  await use(reporter);
  await reporter.end(true);
  return text;
}

function expectHarmless(text: string): void {
  const unexpected = text
    .replace(ownSequences, '')
    .match(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu);
  expect(unexpected).toBeNull();
}

/** Data keeps its lines, and the plan ends with a command to paste. */
const widerThanTerminal: readonly View['type'][] = ['objects', 'document', 'text', 'plan'];

function expectToFit(text: string, columns: number): void {
  // The width is that of whole lines: colors have none, and the live line starts again at its first column.
  const lines = text.split(/\n|\r\u001b\[2K|\u001b\[\d*G|\u001b\[0?J/);
  expect(lines.filter((line) => stringWidth(line) > Math.max(columns, 40))).toEqual([]);
}

const expectNoFakedLine = (text: string): void =>
  expect(text.replace(ownSequences, '\n')).not.toMatch(/^\s*✓ all healthy/m);
