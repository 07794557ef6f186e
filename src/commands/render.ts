import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { exitCodes } from '../core/errors.ts';
import { steps } from '../steps/index.ts';
import { selectSteps } from '../run/select-steps.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('[step]', 'print only the objects of this step')
    .option('--manifest <file-or-url>', "the operator's release YAML, if GitHub is unreachable")
    .action((step: string | undefined) => program.run(command, (session) => render(session, step)));
  examples(command, [
    ['ecr-bootstrap render', 'Print all objects that up applies'],
    ['ecr-bootstrap render operator > operator.yaml', 'Write the objects of the operator to a file'],
  ]);
}

/** Prints the objects that `up` applies, of one step or of all steps. */
export async function render(session: Session, step: string | undefined): Promise<number> {
  const ctx = await session.context();
  await session.header();
  const chosen = selectSteps(steps, step === undefined ? {} : { only: [step] });
  const objects = await Promise.all(chosen.map(async (each) => (await each.render?.(ctx)) ?? []));
  await session.reporter.show({ type: 'objects', data: { objects: objects.flat() } });
  return exitCodes.done;
}
