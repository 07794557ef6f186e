import type { Command } from 'commander';
import { readProfiles } from '../clients/aws/profiles.ts';
import { contextNames } from '../clients/kubernetes/kubeconfig.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import { closestWord } from '../core/suggestion.ts';
import type { Session } from '../run/session.ts';
import { examples, type Program } from './command.ts';
import { bash } from './completion/bash.ts';
import { fish } from './completion/fish.ts';
import { installScript, scriptMark } from './completion/install.ts';
import {
  type CommandTree,
  commandTree,
  completionWords,
  type ProgramList,
  programLists,
  type Shell,
  shells,
} from './completion/words.ts';
import { zsh } from './completion/zsh.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('<shell>', `${shells.join(', ')}, or install`)
    .argument('[name]', 'with install: the shell (default: from SHELL)')
    .action((word: string, name: string | undefined) =>
      program.run(command, async (session) => {
        const tree = (): Promise<CommandTree> => commandTree(program, command.parent);
        await session.reporter.show({
          type: 'text',
          data: { text: await output(session, word, name, tree) },
        });
        return exitCodes.done;
      }),
    );
  examples(command, [
    ['ecr-bootstrap completion install', 'Set up completion for your shell'],
    ['source <(ecr-bootstrap completion bash)', 'Try it in this shell'],
    ['ecr-bootstrap completion fish | source', 'Try it in fish'],
  ]);
}

/** @throws BootstrapError `usage` for an unknown word, and the errors of {@link installScript} */
async function output(
  session: Session,
  word: string,
  name: string | undefined,
  tree: () => Promise<CommandTree>,
): Promise<string> {
  const isInstall = word === 'install';
  if (name !== undefined && !isInstall) throw unknown(name, `completion ${word} takes no further argument`);
  if (isInstall) {
    const words = await tree();
    return installScript(session, name, (shell) => scriptOf(shell, words));
  }
  if (includes(programLists, word)) return (await namesIn(word, session)).join('\n');
  if (includes(shells, word)) return scriptOf(word, await tree());
  throw unknown(word, `there is no completion for ${word}`);
}

function scriptOf(shell: Shell, tree: CommandTree): string {
  const script = { bash, zsh, fish }[shell](tree);
  // zsh reads the first line of the file.
  return shell === 'zsh' ? `#compdef ecr-bootstrap\n${scriptMark}\n${script}` : `${scriptMark}\n${script}`;
}

/** Names that the scripts ask for. */
async function namesIn(list: ProgramList, session: Session): Promise<readonly string[]> {
  if (list === 'profiles') return [...(await readProfiles(session.env)).keys()];
  const { config } = await session.loaded({ placeholders: true, lenient: true });
  return contextNames(config.cluster);
}

const includes = <T extends string>(known: readonly T[], word: string): word is T =>
  (known as readonly string[]).includes(word);

function unknown(word: string, why: string): BootstrapError {
  const known = completionWords.map((each) => each.word);
  const near = closestWord(word, known);
  return new BootstrapError({
    code: 'usage',
    what: 'could not read the command line',
    why,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}Allowed choices are ${known.join(', ')}.`,
  });
}
