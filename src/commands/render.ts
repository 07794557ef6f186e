import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import { joinScript, removalScript } from '../nodes/script.ts';
import { steps } from '../steps/index.ts';
import { selectSteps } from '../run/select-steps.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('[step]', 'print only the objects of this step; node prints a script for nodes that join')
    .option('--manifest <file-or-url>', "the operator's release YAML, if GitHub is unreachable")
    .option('--remove', 'with node: print the script that removes its files')
    .action((step: string | undefined, { remove = false }: { readonly remove?: boolean }) =>
      program.run(command, (session) =>
        step === 'node' ? renderNode(session, remove) : render(session, step, remove),
      ),
    );
  examples(command, [
    ['ecr-bootstrap render', 'Print all objects that up applies'],
    ['ecr-bootstrap render operator > operator.yaml', 'Write the objects of the operator to a file'],
    [
      'ecr-bootstrap render node > node.sh',
      'Write the script that lets a node pull from ECR before it joins',
    ],
  ]);
}

async function renderNode(session: Session, remove: boolean): Promise<number> {
  const ctx = await session.context();
  const text = await (remove ? removalScript(ctx.config.project) : joinScript(ctx));
  await session.reporter.show({ type: 'text', data: { text: text.trimEnd() } });
  return exitCodes.done;
}

/** Prints the objects that `up` applies, of one step or of all steps. */
export async function render(session: Session, step: string | undefined, remove: boolean): Promise<number> {
  if (remove) {
    throw new BootstrapError({
      code: 'usage',
      what: 'could not use --remove',
      why: 'only the script for nodes has a counterpart that removes its files',
      hint: 'Run `ecr-bootstrap render node --remove`.',
    });
  }
  const ctx = await session.context();
  await session.header();
  const chosen = selectSteps(steps, step === undefined ? {} : { only: [step] });
  const objects = await Promise.all(chosen.map(async (each) => (await each.render?.(ctx)) ?? []));
  await session.reporter.show({ type: 'objects', data: { objects: objects.flat() } });
  return exitCodes.done;
}
