import type { Command } from 'commander';
import { type ErrorCode, errorCodes } from '../core/error-codes.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import { type FindingCode, findingCodes } from '../core/finding-codes.ts';
import { closestWord } from '../core/suggestion.ts';
import type { Session } from '../run/session.ts';
import { examples, type Program } from './command.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('<code>', 'code of an error or a finding, as shown in brackets')
    .action((code: string) => program.run(command, (session) => explain(session, code)));
  examples(command, [['ecr-bootstrap explain key-old', 'Explain a finding and its fix']]);
}

/** All codes of errors and findings. */
const explainedCodes = [...new Set([...Object.keys(errorCodes), ...Object.keys(findingCodes)])];

/**
 * Prints what a code means and what to do.
 * @param given the code, with or without the brackets in which it is shown
 * @throws BootstrapError `usage` for an unknown code
 */
async function explain({ reporter }: Session, given: string): Promise<number> {
  const code = given.replace(/^\[(.*)\]$/, '$1');
  const error = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : undefined;
  const found = Object.hasOwn(findingCodes, code) ? findingCodes[code as FindingCode] : undefined;
  const known = error ?? found;
  if (!known) throw unknownCode(code);
  const { about, fix } = known;
  await reporter.show({
    type: 'explanation',
    data: { code, ...(error && { exitCode: error.exit }), ...(found && { level: found.level }), about, fix },
  });
  return exitCodes.done;
}

function unknownCode(code: string): BootstrapError {
  const near = closestWord(code, explainedCodes);
  return new BootstrapError({
    code: 'usage',
    what: `could not explain ${code}`,
    why: 'no error and no finding has this code',
    hint:
      near === undefined
        ? 'Give a code as the program shows it in brackets: ecr-bootstrap explain key-old'
        : `Did you mean ${near}? Run \`ecr-bootstrap explain ${near}\`.`,
  });
}
