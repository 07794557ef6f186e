import type { z } from 'zod';
import { type FindingCode, findingCodes } from './finding-codes.ts';
import type { findingSchema } from './schemas.ts';

/** A fact that `up` does not change, with its reason and fix. */
export type Finding = z.infer<typeof findingSchema>;

/** Creates a finding with the default level of its code, unless `level` overrides it. */
export const finding = (
  code: FindingCode,
  parts: Omit<Finding, 'level' | 'code'> & Partial<Pick<Finding, 'level'>>,
): Finding => ({ level: findingCodes[code].level, code, ...parts });
