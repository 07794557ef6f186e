const units = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Durations such as `90s`, `10m` and `1h30m`. */
export const durationGrammar = /^([1-9][0-9]*(s|m|h))+$/;

/** Milliseconds of a duration that follows {@link durationGrammar}. */
export function parseDuration(text: string): number {
  return [...text.matchAll(/(\d+)([smh])/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * units[unit as keyof typeof units],
    0,
  );
}

/** `2026-11-29T21:18:46Z`, for people: without milliseconds. */
export const utcTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

/** `11 h 5 min`, rounded down to minutes. */
export function hoursAndMinutes(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return hours > 0 ? `${hours} h ${rest} min` : `${rest} min`;
}
