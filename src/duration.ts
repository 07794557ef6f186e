const units = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** How durations are written: `90s`, `10m`, `1h30m`. */
export const durationGrammar = /^([1-9][0-9]*(s|m|h))+$/;

/** Milliseconds of a duration that follows {@link durationGrammar}. */
export function parseDuration(text: string): number {
  return [...text.matchAll(/(\d+)([smh])/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * units[unit as keyof typeof units],
    0,
  );
}
