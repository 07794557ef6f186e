import type { BootstrapError } from '../../core/errors.ts';
import { type FindingCode, findingCodes } from '../../core/finding-codes.ts';
import type { Config } from '../../config/schema.ts';
import type { Loaded } from '../../config/load.ts';
import type { Diagnosis } from '../../output/index.ts';
import type { RunContext } from '../context.ts';
import type { Session } from '../session.ts';

/** A service on which a check can depend. If it cannot be used, the check is not run. */
export type Prerequisite = 'aws' | 'cluster';

/** One line of `doctor`. It reads only. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly needs: readonly Prerequisite[];
  /**
   * The sections of the configuration that the check uses. If one has a mistake, the check is not run. Undefined if the
   * check does not use the configuration.
   */
  readonly settings?: readonly (keyof Config)[];
  /** @throws BootstrapError for what makes `up` fail */
  run(patient: Patient): Promise<readonly Diagnosis[]>;
}

/** What checks examine. */
export interface Patient {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** With the missing and wrong values. */
  readonly loaded: () => Promise<Loaded>;
  readonly context: () => Promise<RunContext>;
}

/** A check that found no problem, with the facts to show. */
export const fine = (what: string): Diagnosis => ({ level: 'ok', code: 'ok', what, why: '', hint: '' });

export const diagnosis = (code: FindingCode, parts: Pick<Diagnosis, 'what' | 'why' | 'hint'>): Diagnosis => ({
  level: findingCodes[code].level,
  code,
  ...parts,
});

/** The error of a run as a line of `doctor`. */
export const failure = ({ code, what, why, hint }: BootstrapError): Diagnosis => ({
  level: 'failed',
  code,
  what,
  why,
  hint,
});

/** All errors of a run, each as a line. */
export const failures = (error: BootstrapError): readonly Diagnosis[] =>
  [error, ...error.others].map(failure);
