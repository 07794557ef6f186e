import type { Change } from '../../plan/index.ts';
import type { Step } from '../context.ts';
import { registration, registrationAfterRotation, registrationTarget } from '../registration/index.ts';
import type { ObserveRotation, Rotation } from './state.ts';

interface RecordState {
  readonly rotation: Rotation;
  readonly own: Awaited<ReturnType<typeof registration.observe>>;
}

/** Tells the other clusters' rotations that this one has proved the new key. */
export function record(observe: ObserveRotation): Step<RecordState> {
  const { id, title, needs } = registration;
  return {
    id,
    title,
    needs,
    observe: async (ctx) => {
      const [rotation, own] = await Promise.all([observe(ctx), registrationAfterRotation.observe(ctx)]);
      return { rotation, own };
    },
    diff: ({ rotation: { begins }, own }, ctx) => {
      const { changes, findings } = registration.diff(own, ctx);
      return { changes: begins && changes.length === 0 ? [expected(own)] : changes, findings };
    },
    apply: (changes, { own }, run) => registrationAfterRotation.apply(changes, own, run),
  };
}

/** What there will be to do once the key is made, so that the plan tells it. */
const expected = ({ id, record: known }: RecordState['own']): Change => ({
  action: 'update',
  target: registrationTarget(id),
  fields: [{ path: 'key', ...(known ? { from: known.keyId } : {}) }],
  reason: 'the access key changes',
});
