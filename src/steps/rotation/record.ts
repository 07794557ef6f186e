import type { Change } from '../../plan/index.ts';
import type { Step } from '../context.ts';
import { registration, registrationAfterRotation, registrationTarget } from '../registration/index.ts';
import type { ObserveRotation, Rotation } from './state.ts';

interface RecordState {
  /** Whether the rotation began with this run. */
  readonly began: boolean;
  readonly own: Awaited<ReturnType<typeof registration.observe>>;
}

/** Tells the other clusters' rotations that this one has proved the new key. */
export function record(observe: ObserveRotation): Step<RecordState> {
  const { id, title, needs } = registration;
  // Once the old key is deleted, another rotation could begin.
  let first: Promise<Rotation> | undefined;
  return {
    id,
    title,
    needs,
    observe: async (ctx) => {
      first ??= observe(ctx);
      const [{ begins: began }, own] = await Promise.all([first, registrationAfterRotation.observe(ctx)]);
      return { began, own };
    },
    diff: ({ began, own }, ctx) => {
      const { changes, findings } = registrationAfterRotation.diff(own, ctx);
      return { changes: began && changes.length === 0 ? [expected(own)] : changes, findings };
    },
    // A run that only repairs what an interrupted one left has proved nothing yet.
    apply: (changes, { began, own }, run) =>
      (began ? registrationAfterRotation : registration).apply(changes, own, run),
  };
}

/** What there will be to do once the key is made, so that the plan tells it. */
const expected = ({ id, record: known }: RecordState['own']): Change => ({
  action: 'update',
  target: registrationTarget(id),
  fields: [{ path: 'key', ...(known ? { from: known.keyId } : {}), to: '(known after apply)' }],
  reason: 'the access key changes',
});
