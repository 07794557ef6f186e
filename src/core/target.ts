import type { z } from 'zod';
import type { targetSchema } from './schemas.ts';

/** What a change or finding is about: kind `Secret`, name `external-secrets/puller`. */
export type Target = z.infer<typeof targetSchema>;

/** How a target is written for people and on the command line: `Secret external-secrets/puller`. */
export const nameOf = (target: Target): string => `${target.kind} ${target.name}`;
