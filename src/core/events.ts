import type { BootstrapError } from './errors.ts';
import type { Change, Finding, MemberFailure, Outcome } from './step.ts';

/** Progress of long work. `total` is missing while it is not known. */
export interface Progress {
  /** Stable while the work lasts: `images`, `docker.io/library/nginx:1.27`. */
  readonly id: string;
  readonly label: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
  /** Blobs under way now, where that is known. */
  readonly active?: number;
}

/** What happens during a run, for reporters to show. Plain data. */
export type Event =
  | { readonly type: 'step-started'; readonly step: string; readonly title: string }
  | {
      readonly type: 'step-done';
      readonly step: string;
      readonly changed: number;
      readonly milliseconds: number;
    }
  | { readonly type: 'found-on-the-way'; readonly step: string; readonly change: Change }
  /** A change that was shown and ends access or deletes something, and that there was nothing to do for. */
  | { readonly type: 'no-longer-needed'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-started'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-done'; readonly step: string; readonly outcome: Outcome }
  /** A member did not become ready; a failed change is a `change-done`. */
  | { readonly type: 'member-failed'; readonly step: string; readonly failure: MemberFailure }
  | { readonly type: 'waiting'; readonly step: string; readonly what: string; readonly seconds: number }
  | { readonly type: 'finding'; readonly step: string; readonly finding: Finding }
  | { readonly type: 'progress'; readonly step: string; readonly progress: Progress }
  /** An image that was to be mirrored came to its end. */
  | {
      readonly type: 'image-done';
      readonly step: string;
      readonly source: string;
      /** `copied`, `current`, … as in the mirror's results. */
      readonly state: string;
      readonly bytesSent: number;
      readonly seconds: number;
      readonly error?: BootstrapError;
    }
  | { readonly type: 'note'; readonly step: string; readonly text: string }
  /** A detail for `-v`. */
  | { readonly type: 'detail'; readonly step: string; readonly text: string };

type WithoutStep<E> = E extends unknown ? Omit<E, 'step'> : never;

/** How a step tells what it does; the runner adds the step's name. */
export type Emit = (event: WithoutStep<Event>) => void;
