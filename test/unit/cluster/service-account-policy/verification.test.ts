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
  world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' }, fast: true });
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

/** Applies and verifies the policy like a run: both get the state observed before. */
async function applyAndVerify(beforeVerification: () => void = () => undefined): Promise<void> {
  const ctx = world.context();
  const emit = (event: Parameters<Parameters<typeof step.apply>[2]['emit']>[0]): void => {
    if ((event as Event).type === 'finding') findings.push((event as { finding: object }).finding);
  };
  const run = { ctx, signal: interrupt.signal, emit };
  const state = await step.observe(ctx);
  await step.apply(step.diff(state, ctx).changes, state, run);
  if (interrupt.signal.aborted) return;
  beforeVerification();
  await step.ready?.(state, run);
}

/** Without its binding the policy has no effect, so the verification waits. */
const interruptVerification = (): void => {
  world.inside.delete('MutatingAdmissionPolicyBinding', name);
  interruptAt('create serviceaccounts');
};

function interruptAt(wanted: string): void {
  world.sandbox.faults.onCall(({ operation }) => {
    if (operation === wanted) interrupt.abort(interruption);
  });
}

const breakPolicy = (): void =>
  edit(world, ['MutatingAdmissionPolicy', name], (object) => {
    const expression = '[JSONPatch{op: "add", path: "/x", value: Object.imagePullSecrets{name: "puller"}}]';
    return { ...object, spec: { ...(object['spec'] as object), mutations: [{ jsonPatch: { expression } }] } };
  });

const refuseDeletes = (): void =>
  void world.sandbox.faults.plan({ kind: 'deny', operation: /^delete mutatingadmission/ });

describe('an interrupted run', () => {
  it('deletes a policy that is not verified yet, reports it, and fails as interrupted', async () => {
    await expect(applyAndVerify(interruptVerification)).rejects.toBe(interruption);
    expect(left()).toEqual([]);
    expect(findings).toMatchObject([
      {
        code: 'policy-unverified',
        what: expect.stringContaining('could not be verified and was deleted') as string,
        why: expect.stringContaining('interrupted') as string,
      },
    ]);
  });

  it('deletes the policy that it was applying', async () => {
    interruptAt('patch mutatingadmissionpolicybindings');
    await applyAndVerify();
    expect(left()).toEqual([]);
    expect(findings).toMatchObject([{ code: 'policy-unverified' }]);
  });

  it('keeps an existing policy, which the run that created it verified', async () => {
    await applyStep(step, world);
    world.sandbox.faults.plan({ kind: 'reset', operation: 'create serviceaccounts' });
    interruptAt('create serviceaccounts');
    await expect(applyAndVerify()).rejects.toBeInstanceOf(BootstrapError);
    expect(left()).toEqual(kinds);
    expect(findings).toEqual([]);
  });

  it('reports a policy that it cannot delete, with the command that deletes it', async () => {
    refuseDeletes();
    await expect(applyAndVerify(interruptVerification)).rejects.toBe(interruption);
    expect(findings).toMatchObject([
      {
        level: 'failed',
        code: 'policy-not-removed',
        why: expect.stringContaining('cannot delete') as string,
        hint: expect.stringContaining('kubectl delete mutatingadmissionpolicybinding') as string,
      },
    ]);
  });
});

describe('a policy that fails in the dry run', () => {
  it('fails the run when it cannot be deleted, with the command that deletes it', async () => {
    refuseDeletes();
    await expect(applyAndVerify(breakPolicy)).rejects.toMatchObject({
      code: 'step-failed',
      why: expect.stringMatching(/cannot delete .*not verified: /) as string,
      hint: expect.stringContaining('kubectl delete mutatingadmissionpolicybinding') as string,
    });
    expect(left()).toEqual(kinds);
    expect(findings).toEqual([]);
  });
});
