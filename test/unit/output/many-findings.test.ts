import { expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Finding } from '../../../src/core/findings.ts';
import { eventLines } from '../../../src/output/events.ts';
import { Layout } from '../../../src/output/layout.ts';
import { errorLines } from '../../../src/output/text.ts';
import type { View } from '../../../src/output/view.ts';
import { viewLines } from '../../../src/output/views/index.ts';

const many = Array.from({ length: 10_000 }, (_, index) => index);
/** Milliseconds. A view needs a tenth of it on an idle machine; quadratic time would exceed it. */
const maxMs = 8000;
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

it.each(views)('shows 10,000 lines of the view $type without a pause', async (view) => {
  const started = performance.now();
  await viewLines(view, layout, 'verbose');
  expect(performance.now() - started).toBeLessThan(maxMs);
});

it('shows 10,000 findings of a run and 10,000 errors without a pause', () => {
  const started = performance.now();
  for (const finding of findings)
    eventLines({ type: 'finding', step: 'images', finding }, layout, { verbose: false, screen: true });
  const others = many.map(() => failure);
  errorLines(new BootstrapError({ code: 'timeout', what: 'a', why: 'b', hint: 'c' }, { others }), layout);
  expect(performance.now() - started).toBeLessThan(maxMs);
});
