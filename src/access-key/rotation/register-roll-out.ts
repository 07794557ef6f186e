import {
  applyRegistration,
  type RegistrationChange,
  registrationAfterRotation,
  type RegistrationState,
  registrationStep,
} from '../registration/registration.ts';
import type { RotationStep } from '../context.ts';
import { registrationTarget } from '../registration/register.ts';
import type { ObserveRotation, Rotation } from './state.ts';

interface RecordState {
  /** Whether this run started the rotation. */
  readonly isNew: boolean;
  readonly own: RegistrationState;
}

/** Verifies the registration, so that rotations for other clusters do not wait for this cluster. */
export function registerRollOut(observe: ObserveRotation): RotationStep<RecordState, RegistrationChange> {
  // Observed once: after the old key is deleted, another observation could start the next rotation.
  let first: Promise<Rotation> | undefined;
  return {
    ...registrationStep,
    observe: async (ctx) => {
      first ??= observe(ctx);
      const [{ isNew }, own] = await Promise.all([first, registrationAfterRotation.observe(ctx)]);
      return { isNew, own };
    },
    diff: ({ isNew, own }, ctx) => {
      const { changes, findings } = registrationAfterRotation.diff(own, ctx);
      return { changes: isNew && changes.length === 0 ? [expected(own)] : changes, findings };
    },
    // A run that only repairs an interrupted rotation has verified nothing yet.
    apply: (changes, { isNew, own }, run) =>
      isNew ? registrationAfterRotation.apply(changes, own, run) : applyRegistration(changes, own, run),
  };
}

/** The change that follows the creation of the key, so that the plan shows it. */
const expected = ({ id }: RecordState['own']): RegistrationChange => ({
  action: 'update',
  target: registrationTarget(id),
  fields: [{ path: 'verified', from: false, to: true }],
  reason: 'when every namespace has a token of the new key',
  payload: { does: 'register', keepsKey: false },
});
