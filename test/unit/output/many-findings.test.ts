import { expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Finding } from '../../../src/core/findings.ts';
import { eventLines } from '../../../src/output/events.ts';
import { Layout } from '../../../src/output/layout.ts';
import { errorLines } from '../../../src/output/text.ts';
import type { View } from '../../../src/output/view.ts';
import { viewLines } from '../../../src/output/views/index.ts';

/** With quadratic time, so many would exceed the timeout of a test. */
const many = Array.from({ length: 10_000 }, (_, index) => index);
const layout = new Layout();

const name = (index: number): string => `docker.io/library/image-with-a-long-name-${index}:v1.2.3`;
const findings = many.map((index): Finding => ({
  level: 'warning',
  code: 'internet-image',
  target: { kind: 'image', name: name(index) },
  what: `Deployment team-${index}/web pulls ${name(index)} from the internet`,
  why: 'nodes without internet access can pull from ECR only',
  hint: 'Run `ecr-bootstrap images --outside`.',
}));
const failure = new BootstrapError({
  code: 'image-missing',
  what: 'could not copy',
  why: 'not found',
  hint: 'Wait.',
});
const mirrored = {
  wantedBy: [],
  platforms: [],
  bytesSent: 0,
  bytesMounted: 0,
  bytesSkipped: 0,
  requests: 0,
  seconds: 0,
  state: 'failed',
  error: failure,
} as const;

const views: readonly View[] = [
  {
    type: 'mirror',
    data: { dryRun: false, images: many.map((index) => ({ ...mirrored, source: name(index) })) },
  },
  {
    type: 'images',
    data: {
      registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo',
      images: many.map((index) => ({
        source: name(index),
        target: name(index),
        present: index % 2 === 0,
        usedBy: many.slice(0, 20).map((other) => `Deployment team-${other}/web`),
        outside: [],
        mirrored: false,
      })),
    },
  },
];

it.each(views)('shows 10,000 lines of the view $type', async (view) => {
  expect((await viewLines(view, layout, 'verbose')).length).toBeGreaterThanOrEqual(many.length);
});

it('shows 10,000 findings of a run', () => {
  const lines = findings.flatMap((finding) =>
    eventLines({ type: 'finding', step: 'images', finding }, layout, { verbose: false, screen: true }),
  );
  expect(lines.length).toBeGreaterThanOrEqual(many.length);
});

it('shows 10,000 errors', () => {
  const others = many.map(() => failure);
  const error = new BootstrapError({ code: 'timeout', what: 'a', why: 'b', hint: 'c' }, { others });
  expect(errorLines(error, layout).length).toBeGreaterThanOrEqual(many.length);
});
