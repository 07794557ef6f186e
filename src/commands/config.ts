import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { leaves } from '../config/tree.ts';
import { toError } from '../config/validate.ts';
import { exitCodes, severalErrors } from '../core/errors.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command.action(() => program.run(command, (session) => showConfig(session)));
  examples(command, [['ecr-bootstrap config', 'Print each value and where it comes from']]);
}

/**
 * Prints every effective value with its origin, and then the missing and wrong values.
 * @throws BootstrapError `config-invalid` after printing, if a value is missing or wrong
 */
export async function showConfig(session: Session): Promise<number> {
  const { config, origins, file, mistakes } = await session.loaded({ lenient: true });
  await session.header();
  const originOf = (key: string): string => origins.get(key) ?? 'default';
  const isWrong = (key: string): boolean => mistakes.some((mistake) => mistake.key === key);
  const right = leaves(config)
    .filter(([key]) => !isWrong(key))
    .map(([key, value]) => ({ key, value, origin: originOf(key) }));
  const wrong = mistakes.map(({ key, value, why }) => ({
    key,
    value: value ?? null,
    origin: value === undefined ? 'not set' : originOf(key),
    problem: why,
  }));
  await session.reporter.show({ type: 'config', data: { file: file ?? null, values: [...right, ...wrong] } });
  if (mistakes.length > 0) throw severalErrors(mistakes.map(toError));
  return exitCodes.done;
}
