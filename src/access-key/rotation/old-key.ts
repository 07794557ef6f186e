import type { ChangeWith } from '../../core/step.ts';
import { type Finding, finding } from '../../core/findings.ts';
import { inOrder } from '../../core/members.ts';
import type { RotationStep } from '../context.ts';
import { deletionOfRetiredKeys } from '../next-steps.ts';
import { keyTarget } from '../../iam/users/targets.ts';
import { clusterLabel, type ClusterRecord, forgetCommand } from '../registration/records.ts';
import type { KeyRevocation, ObservedKey } from '../state.ts';
import type { ObservedKeys } from './observed-keys.ts';
import type { ObserveRotation, Rotation } from './state.ts';

/** Disables the replaced key. A later run deletes it. */
export function oldKey(
  observe: ObserveRotation,
  observedKeys: ObservedKeys,
): RotationStep<Rotation, ChangeWith<KeyRevocation>> {
  return {
    id: 'old-key',
    title: 'the old access key',
    group: 'aws',
    topic: 'access-key',
    needs: ['aws'],
    readsLag: true,
    observe,
    diff: ({ outgoing, waiting, key: { names } }) => ({
      changes: waiting.length === 0 ? outgoing.map(disabling) : [],
      findings: outgoing.flatMap((key) => awaited(key, waiting, names.id)),
    }),
    apply: async (changes, { key: { userName } }, run) => {
      const disabled = await inOrder(changes, run, ({ payload }) =>
        run.ctx.aws.iam.disableAccessKey(userName, payload.id),
      );
      observedKeys.note(disabled);
      return disabled;
    },
    nextSteps: deletionOfRetiredKeys,
  };
}

export const disabling = ({ id }: ObservedKey): ChangeWith<KeyRevocation> => ({
  action: 'update',
  target: keyTarget(id),
  fields: [{ path: 'status', from: 'Active', to: 'Inactive' }],
  grants: true,
  revokes: true,
  payload: { does: 'disableKey', id },
});

/** @param secret name of the secret that holds the registrations */
function awaited({ id }: ObservedKey, waiting: readonly ClusterRecord[], secret: string): Finding[] {
  const [first] = waiting;
  if (!first) return [];
  return [
    finding('key-in-use', {
      level: 'warning',
      target: keyTarget(id),
      what: `access key ${id} stays enabled for now`,
      why: `not every cluster of the project is verified with the new key: ${waiting.map(clusterLabel).join('; ')}`,
      hint: `Run \`ecr-bootstrap up\` for each of them, then run \`ecr-bootstrap rotate\` again; it resumes. For a cluster that no longer exists: \`${forgetCommand(secret, first)}\`. If the key has leaked, run \`ecr-bootstrap rotate --force\` instead.`,
    }),
  ];
}
