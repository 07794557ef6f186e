const { FAULTS: wanted = '1' } = process.env;

/** Every how manieth: a number in `FAULTS` thins out the long suites, any other text chooses points by name. */
export const sampleEvery = /^\d+$/.test(wanted) ? Math.max(1, Number(wanted)) : 1;

/** A fixed sample, so that two runs try the same. */
export const sample = <T>(items: readonly T[], every = sampleEvery): T[] =>
  items.filter((_, index) => index % every === 0);
