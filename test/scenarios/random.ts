/** The seed of the run's random numbers. Set `ECR_BOOTSTRAP_LAB_SEED` to repeat those of an earlier run. */
export const seed = Number(process.env['ECR_BOOTSTRAP_LAB_SEED'] ?? Date.now() % 1_000_000);

/** Numbers between 0 and 1 that depend only on the seed (mulberry32). */
export function* randomNumbers(start: number): Generator<number, never> {
  for (let state = start | 0; ;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
