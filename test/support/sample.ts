const { FAULTS: wanted = '1' } = process.env;
const isCount = /^\d+$/.test(wanted);

/** Every how manieth point is tried; 1 also where `FAULTS` is a part of the names of those that are wanted. */
export const sampleEvery = isCount ? Math.max(1, Number(wanted)) : 1;

/** A fixed sample, so that two runs try the same. */
export const sample = <T>(items: readonly T[], every = sampleEvery): T[] =>
  items.filter((_, index) => index % every === 0);

/** Whether `FAULTS` asks for a point, by its number or by its name. */
export const isWanted = (name: string, index: number, every = sampleEvery): boolean =>
  isCount ? index % every === 0 : name.includes(wanted);
