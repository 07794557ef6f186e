/** Where the run's random numbers begin: `ECR_BOOTSTRAP_LAB_SEED` repeats those of another run. */
export const seed = Number(process.env['ECR_BOOTSTRAP_LAB_SEED'] ?? Date.now() % 1_000_000);

/** Numbers between 0 and 1, the same ones for the same start (mulberry32). */
export function* randomNumbers(start: number): Generator<number, never> {
  for (let state = start | 0; ;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
