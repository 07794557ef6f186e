import { expect, test } from 'vitest';
import { readOptions } from '../../../bench/mirror/options.ts';
import { planOf } from '../../../bench/mirror/plan.ts';

test('a profile is of the registry engine, five times, plain and as far away as targets are about', () => {
  const options = readOptions(['--profile', 'D']);
  if (options === 'help') throw new Error('that is no plan');
  expect(options.isProfile).toBe(true);
  expect(planOf(options)).toEqual([
    { set: 'D', transport: 'http', roundTrip: 40, tools: ['registry'], repetitions: 5 },
  ]);
});

test.each(['--tools=crane', '--rtt=0', '--tls', '--set=A'])('a profile does not go with %s', (option) => {
  expect(() => readOptions(['--profile', 'D', option])).toThrow('does not go with --profile');
});
