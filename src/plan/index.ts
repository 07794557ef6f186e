export type { Emit, Event, EventType, Progress } from './events.ts';
export { type Carry, atOnce, foreseen, inOrder, nameOf } from './helpers.ts';
export type {
  AnyStep,
  Change,
  Diff,
  Field,
  Finding,
  Need,
  Outcome,
  Run,
  Step,
  Target,
  Value,
} from './step.ts';
export { type Wait, waitFor } from './wait.ts';
