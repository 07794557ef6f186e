import { expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Need } from '../../../src/core/step.ts';
import { probe } from '../../../src/run/preflight.ts';
import type { Context } from '../../../src/steps/context.ts';

const identity = {
  arn: 'arn:aws:iam::123456789012:user/ann',
  accountId: '123456789012',
  region: 'eu-west-1',
};
const forbidden = new BootstrapError({
  code: 'cluster-denied',
  what: 'could not list pods',
  why: 'no',
  hint: 'Ask.',
});

/** AWS and a cluster whose pods the user may not list. AWS responds when `beforeAws` ends. */
function contextWith(pods: () => void, beforeAws: Promise<void>): Context {
  return {
    config: { aws: {} },
    aws: {
      identity: () => beforeAws.then(() => identity),
      ecr: { registryHost: () => Promise.resolve('ecr.example') },
    },
    cluster: { info: () => Promise.resolve({ context: 'first' }) },
    inventory: {
      pods: () => {
        pods();
        return Promise.reject(forbidden);
      },
    },
  } as unknown as Context;
}

it('starts to read the pods while AWS responds, and leaves their errors to the steps', async () => {
  let started = (): void => undefined;
  const hasStarted = new Promise<void>((resolve) => (started = resolve));
  const needs: ReadonlySet<Need> = new Set(['aws', 'cluster']);
  const { header, errors } = await probe(contextWith(started, hasStarted), needs);
  expect(errors.size).toBe(0);
  expect(header).toMatchObject({ account: '123456789012', context: 'first' });
});

it.each(['aws', 'cluster'] as const)('reads no pods for a run that needs only %s', async (need) => {
  let reads = 0;
  await probe(
    contextWith(() => (reads += 1), Promise.resolve()),
    new Set([need]),
  );
  expect(reads).toBe(0);
});
