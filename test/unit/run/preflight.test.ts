import { expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Need } from '../../../src/core/step.ts';
import { probe } from '../../../src/run/preflight.ts';
import { areAllSteps } from '../../../src/run/select-steps.ts';
import type { Context } from '../../../src/steps/context.ts';
import { steps } from '../../../src/steps/index.ts';

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
  const { header, errors } = await probe(contextWith(started, hasStarted), needs, true);
  expect(errors.size).toBe(0);
  expect(header).toMatchObject({ account: '123456789012', context: 'first' });
});

it('reads no pods for some of the steps', async () => {
  let reads = 0;
  const ctx = contextWith(() => (reads += 1), Promise.resolve());
  await probe(ctx, new Set<Need>(['aws', 'cluster']), areAllSteps(steps.slice(1)));
  expect(reads).toBe(0);
  expect(areAllSteps(steps)).toBe(true);
});
