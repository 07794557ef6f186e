import type { Change, Event, Outcome } from '../core/step.ts';
import type { View } from './view.ts';

/** A change for printing, without the payload for `apply`, which may contain secrets. */
function withoutPayload<C extends Change>(change: C): C {
  const copy: C & { payload?: object } = { ...change };
  delete copy.payload;
  return copy;
}

const outcomeWithoutPayload = (outcome: Outcome): Outcome => ({
  ...outcome,
  change: withoutPayload(outcome.change),
});

export function eventWithoutPayloads(event: Event): Event {
  if ('change' in event) return { ...event, change: withoutPayload(event.change) };
  if ('outcome' in event) return { ...event, outcome: outcomeWithoutPayload(event.outcome) };
  return event;
}

export function viewWithoutPayloads(view: View): View {
  switch (view.type) {
    case 'plan': {
      const steps = view.data.steps.map((step) => ({
        ...step,
        changes: step.changes.map(withoutPayload),
        ...(step.unmanaged ? { unmanaged: step.unmanaged.map(withoutPayload) } : {}),
      }));
      return { ...view, data: { ...view.data, steps } };
    }
    case 'result': {
      const steps = view.data.steps.map((step) => ({
        ...step,
        outcomes: step.outcomes.map(outcomeWithoutPayload),
      }));
      return { ...view, data: { ...view.data, steps } };
    }
    case 'status': {
      const steps = view.data.steps.map((step) => ({ ...step, drift: step.drift.map(withoutPayload) }));
      return { ...view, data: { ...view.data, steps } };
    }
    default:
      return view;
  }
}
