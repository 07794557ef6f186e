const { FAULTS: wanted = '1' } = process.env;
const isCount = /^\d+$/.test(wanted);

/** Tries every n-th point. It is 1 when `FAULTS` is a text that selects points by name. */
export const sampleEvery = isCount ? Math.max(1, Number(wanted)) : 1;

/** A fixed sample, so that all runs try the same. */
export const sample = <T>(items: readonly T[], every = sampleEvery): T[] =>
  items.filter((_, index) => index % every === 0);

/** Whether `FAULTS` selects a point, by its number or by its name. */
export const isWanted = (name: string, index: number, every = sampleEvery): boolean =>
  isCount ? index % every === 0 : name.includes(wanted);
