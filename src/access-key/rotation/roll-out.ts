import { applyBootstrap } from '../bootstrap/apply.ts';
import { diffBootstrap } from '../bootstrap/diff.ts';
import {
  type BootstrapChange,
  type BootstrapState,
  bootstrapStep,
  observeBootstrap,
  type SecretObjectWork,
} from '../bootstrap/state.ts';
import { type Finding, finding } from '../../core/findings.ts';
import type { RotationStep } from '../context.ts';
import { keySecretName, operatorNamespace as namespace } from '../../core/ownership.ts';
import { nodeTokenRights } from '../../external-secrets/pull-secret/node-tokens.ts';
import { isControllerReady } from '../../external-secrets/pull-secret/resync.ts';
import { type Registration, registrationChanges } from '../registration/register.ts';
import { verifyRollOut } from './verify-roll-out.ts';
import type { ObserveRotation, Rotation } from './state.ts';

interface RollOutState {
  readonly bootstrap: BootstrapState;
  readonly rotation: Rotation;
  readonly isOperatorUp: boolean;
}

/**
 * Makes the cluster use the new key: after this step every namespace has a token that was issued with it.
 * @param force the old key is already disabled and is deleted even if namespaces lag, so a later step verifies this
 */
export function rollOut(
  observe: ObserveRotation,
  { force }: { readonly force: boolean } = { force: false },
): RotationStep<RollOutState, BootstrapChange> {
  return {
    ...bootstrapStep,
    rights: [...bootstrapStep.rights, ...nodeTokenRights],
    title: 'the new key in the cluster, and its tokens',
    observe: async (ctx) => {
      const [rotation, bootstrap, isOperatorUp] = await Promise.all([
        observe(ctx),
        observeBootstrap(ctx),
        isControllerReady({ ctx }),
      ]);
      return { bootstrap, rotation, isOperatorUp };
    },
    diff: ({ bootstrap, rotation, isOperatorUp }, ctx) => {
      const { changes, findings } = diffBootstrap(bootstrap, ctx);
      return {
        changes: rotation.isNew
          ? withNewKey(changes, bootstrap.registration, ctx.config.pullSecret.name)
          : changes,
        // A leaked key is revoked even if the operator is down. It syncs the Secrets of this step when it is up again.
        findings: isOperatorUp
          ? findings
          : [...findings, notRunning(!force || !bootstrap.observed.keySecret)],
      };
    },
    apply: (changes, { bootstrap }, run) => applyBootstrap(changes, bootstrap, run),
    ...(force
      ? {}
      : {
          // Observed again, because the previous step has just created the key to roll out.
          ready: async (_, run) => {
            const rotation = await observe(run.ctx.fresh());
            if (rotation.outgoing.length === 0) return [];
            const hint = 'Run `ecr-bootstrap rotate` again; it resumes. The old key works until then.';
            return verifyRollOut(run, rotation, hint);
          },
        }),
  };
}

/** Adds the changes that the bootstrap will make once the key is created, so that the plan shows them. */
function withNewKey(
  changes: readonly BootstrapChange[],
  registration: Registration,
  pullSecret: string,
): BootstrapChange[] {
  const planned = new Set(changes.map(({ payload }) => payload.does === 'writeSecret' && payload.secret));
  // A cluster is registered with a key before it gets that key.
  const registering = registrationChanges(registration, { held: undefined, writes: true, next: undefined });
  return [
    ...registering,
    ...changes.filter(({ payload }) => payload.does !== 'register'),
    ...(planned.has('keySecret') ? [] : [newContent('keySecret', keySecretName)]),
    ...(planned.has('pullSecret') ? [] : [newContent('pullSecret', pullSecret)]),
  ];
}

const newContent = (secret: SecretObjectWork['secret'], name: string): BootstrapChange => ({
  action: 'update',
  target: { kind: 'Secret', name: `${namespace}/${name}` },
  fields: [],
  reason: 'the access key changes',
  payload: { does: 'writeSecret', secret },
});

const notRunning = (blocking: boolean): Finding =>
  finding('operator-unhealthy', {
    target: { kind: 'Deployment', name: `${namespace}/external-secrets` },
    what: 'External Secrets Operator is not running in this cluster',
    why: 'without it no namespace gets a token of a new access key',
    hint: blocking ? 'Run `ecr-bootstrap up` first.' : 'Run `ecr-bootstrap up` afterwards.',
    blocking,
  });
