import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../../src/core/errors.ts';
import type { Event } from '../../../../src/core/step.ts';
import { serviceAccountPolicy as step } from '../../../../src/steps/service-account-policy.ts';
import { applyStep } from '../../../contract/step-contract.ts';
import { edit } from '../../steps/edit.ts';
import { OperatorWorld } from '../../steps/operator-world.ts';

let world: OperatorWorld;
let interrupt: AbortController;
let findings: object[];

beforeEach(async () => {
  world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' }, hurried: true });
  interrupt = new AbortController();
  findings = [];
});
afterEach(() => world.close());

const name = 'ecr-bootstrap-pull-secret';
const kinds = ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'];
const left = () => kinds.filter((kind) => world.inside.get(kind, name));
const interruption = new BootstrapError({
  code: 'interrupted',
  what: 'finish the run',
  why: 'the run was interrupted',
  hint: '',
});

/** Applies and proves as a run does, which gives both the state from before. */
async function carryOut(betweenBoth: () => void = () => undefined): Promise<void> {
  const ctx = world.context();
  const emit = (event: Parameters<Parameters<typeof step.apply>[2]['emit']>[0]): void => {
    if ((event as Event).type === 'finding') findings.push((event as { finding: object }).finding);
  };
  const run = { ctx, signal: interrupt.signal, emit };
  const state = await step.observe(ctx);
  await step.apply(step.diff(state, ctx).changes, state, run);
  if (interrupt.signal.aborted) return;
  betweenBoth();
  await step.ready?.(state, run);
}

/** Without its binding the policy does nothing, and the proof waits for it. */
const interruptProof = (): void => {
  world.inside.delete('MutatingAdmissionPolicyBinding', name);
  interruptAt('create serviceaccounts');
};

function interruptAt(wanted: string): void {
  world.sandbox.faults.onCall(({ operation }) => {
    if (operation === wanted) interrupt.abort(interruption);
  });
}

const breakIt = (): void =>
  edit(world, ['MutatingAdmissionPolicy', name], (object) => {
    const expression = '[JSONPatch{op: "add", path: "/x", value: Object.imagePullSecrets{name: "puller"}}]';
    return { ...object, spec: { ...(object['spec'] as object), mutations: [{ jsonPatch: { expression } }] } };
  });

const refuseDeletes = (): void =>
  void world.sandbox.faults.plan({ kind: 'deny', operation: /^delete mutatingadmission/ });

describe('a run that is interrupted', () => {
  it('before the policy is proved takes it away, says so, and ends as interrupted', async () => {
    await expect(carryOut(interruptProof)).rejects.toBe(interruption);
    expect(left()).toEqual([]);
    expect(findings).toMatchObject([
      {
        code: 'policy-unproven',
        what: expect.stringContaining('could not be tried and was taken away') as string,
        why: expect.stringContaining('interrupted') as string,
      },
    ]);
  });

  it('while it applies the policy, and so never comes to the proof, takes it away', async () => {
    interruptAt('patch mutatingadmissionpolicybindings');
    await carryOut();
    expect(left()).toEqual([]);
    expect(findings).toMatchObject([{ code: 'policy-unproven' }]);
  });

  it('keeps a policy that stood before: that was proved by the run that made it', async () => {
    await applyStep(step, world);
    world.sandbox.faults.plan({ kind: 'reset', operation: 'create serviceaccounts' });
    interruptAt('create serviceaccounts');
    await expect(carryOut()).rejects.toBeInstanceOf(BootstrapError);
    expect(left()).toEqual(kinds);
    expect(findings).toEqual([]);
  });

  it('and may not take the policy away says that it is still there, and how it goes', async () => {
    refuseDeletes();
    await expect(carryOut(interruptProof)).rejects.toBe(interruption);
    expect(findings).toMatchObject([
      {
        level: 'failed',
        code: 'policy-left',
        why: expect.stringContaining('cannot delete') as string,
        hint: expect.stringContaining('kubectl delete mutatingadmissionpolicybinding') as string,
      },
    ]);
  });
});

describe('a policy that breaks the dry run', () => {
  it('and cannot be taken away fails the run, with how it goes', async () => {
    refuseDeletes();
    await expect(carryOut(breakIt)).rejects.toMatchObject({
      code: 'step-failed',
      why: expect.stringMatching(/cannot delete .*not proved: /) as string,
      hint: expect.stringContaining('kubectl delete mutatingadmissionpolicybinding') as string,
    });
    expect(left()).toEqual(kinds);
    expect(findings).toEqual([]);
  });
});
