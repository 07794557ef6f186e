export { type Consent, isNeeded } from './consent.ts';
export { carryOut, destroys, type RunResult, type StepResult, unplannedDelete } from './carry-out.ts';
export type { Emit, Event, Progress } from './events.ts';
export { atOnce, foreseen, inOrder, isTolerable, nameOf, sortedFailures, tolerating } from './helpers.ts';
export { inspect, type StepStatus } from './inspect.ts';
export { removalOf } from './removal.ts';
export { makePlan, type Planned, refuseBlocked, refuseFindings } from './plan.ts';
export { knownAfterApply } from './step.ts';
export type {
  Adoption,
  AnyStep,
  Change,
  Diff,
  Field,
  Finding,
  MemberFailure,
  Need,
  Outcome,
  Run,
  Step,
  Target,
  Value,
} from './step.ts';
export { type Tally, waitFor } from './wait.ts';
