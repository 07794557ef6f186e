import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

it('.ci/run has each scenario in exactly one of its suites in the lab', () => {
  const numbers = readdirSync(`${root}test/scenarios`).flatMap(
    (name) => /^\d+-(?=.*\.scenario\.ts$)/.exec(name) ?? [],
  );
  const suites = readFileSync(`${root}.ci/run`, 'utf8').match(/(?<=test:lab ).*\d\d-.*/g) ?? [];
  const run = suites.flatMap((line) => line.match(/\d\d-/g) ?? []);
  expect(run.toSorted()).toEqual([...new Set(numbers)].toSorted());
});
