import { z } from 'zod';
import { durationGrammar, parseDuration } from '../core/duration.ts';
import { objectName } from './kubernetes-values.ts';

const duration = z
  .string()
  .regex(durationGrammar, 'is not a duration, for example 90s, 10m or 1h')
  .describe('A duration, for example `90s`, `10m` or `1h`.');

/** Secrets with fixed names in the operator's namespace, which a pull secret with the same name would overwrite. */
const takenSecrets = ['image-puller', 'external-secrets-webhook'];

interface Intervals {
  readonly renewEvery: string;
  readonly copyEvery: string;
}

/**
 * The operator renews a token only at its intervals, regardless of expiry. So a copy can be as old as the sum
 * of both intervals, and an outage of AWS must end within the rest of the token's 12 hours.
 */
const ageOf = ({ renewEvery, copyEvery }: Intervals): number =>
  parseDuration(renewEvery) + parseDuration(copyEvery);

const maxAge = '8h';
const safeAge = '4h';
const reason = 'a token is valid for 12 h, and only these intervals determine when the operator renews it';

/** A warning about intervals that leave too little time for an outage of AWS. */
export function tokenAgeWarning(intervals: Intervals): string | undefined {
  if (ageOf(intervals) <= parseDuration(safeAge)) return undefined;
  const { renewEvery, copyEvery } = intervals;
  return `pullSecret.renewEvery ${renewEvery} and copyEvery ${copyEvery} together are more than ${safeAge}: ${reason}. An AWS outage that is longer than the rest of the 12 h stops all pulls.`;
}

/** The section `pullSecret` of the configuration. */
export const pullSecret = z
  .strictObject({
    name: objectName
      .refine((name) => !takenSecrets.includes(name), {
        error: ({ input }) => `"${String(input)}" is the name of another Secret in the operator's namespace`,
      })
      .default('puller')
      .describe(
        `Name of the pull secret in every namespace; not ${takenSecrets.map((name) => `\`${name}\``).join(' or ')}. After a change, the operator renews the old one until no pod uses it; then \`up\` deletes it.`,
      ),
    renewEvery: duration
      .default('1h')
      .describe(`How often the operator gets a new token; together with \`copyEvery\` at most ${maxAge}.`),
    copyEvery: duration.default('10m').describe('How often the operator copies the token to the namespaces.'),
  })
  .refine((intervals) => ageOf(intervals) <= parseDuration(maxAge), {
    path: ['renewEvery'],
    error: ({ input }) => {
      const { renewEvery, copyEvery } = input as Intervals;
      return `${renewEvery} and copyEvery ${copyEvery} together are more than ${maxAge}: ${reason}; write for example 1h and 10m`;
    },
  })
  .prefault({});
