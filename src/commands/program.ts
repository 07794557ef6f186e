import { Command, CommanderError, Option } from 'commander';
import { Abandoned, withinGrace } from '../core/abort.ts';
import { type GlobalFlags, openSession, type Session, type Runtime } from '../run/session.ts';
import { commands, commandAliases } from './index.ts';
import { duration, type RunCommand, type Main } from './launch.ts';
import { BootstrapError, exitCodes, reasonOf } from '../core/errors.ts';
import { ownVersion } from '../core/paths.ts';
import { commandOf, wantsJson, withinSandbox } from './argv.ts';

export interface Program {
  run(): Promise<number>;
}

/** A line without a command is a question. */
const helpFor = (argv: readonly string[]): string[] => (argv.length === 0 ? ['--help'] : [...argv]);

/** Builds the command line. Only the module of the command that `argv` names is loaded. */
export async function createProgram(argv: readonly string[], around: Runtime, main: Main): Promise<Program> {
  let exitCode: number = exitCodes.done;
  const launch: RunCommand = async (command, work) => {
    exitCode = await runCommand(command, work, { ...around, argv });
  };
  const program = describeProgram(around);
  const wanted = commandOf(argv);
  for (const entry of commands) {
    const command = program
      .command(entry.name)
      .summary(entry.summary)
      .description(capitalised(entry.summary));
    command.configureHelp({ showGlobalOptions: true });
    if (entry.name === wanted) (await entry.load()).register(command, launch, { main, commands });
  }
  for (const [word, ours] of Object.entries(commandAliases)) {
    program
      .command(word, { hidden: true })
      .allowUnknownOption()
      .argument('[rest...]')
      .action(() => {
        throw new CommanderError(
          exitCodes.usage,
          'other-word',
          `there is no command ${word}\nIt is called ecr-bootstrap ${ours}.`,
        );
      });
  }
  return {
    run: async () => {
      try {
        await program.parseAsync(wanted === undefined ? helpFor(argv) : withinSandbox(argv), {
          from: 'user',
        });
        return exitCode;
      } catch (thrown) {
        if (!(thrown instanceof CommanderError)) throw thrown;
        return thrown.exitCode === 0 ? exitCodes.done : reportUsageError(thrown, wanted, argv, around);
      }
    },
  };
}

function describeProgram({ streams }: Runtime): Command {
  const program = new Command('ecr-bootstrap');
  program
    .description('Lets an air-gapped Kubernetes cluster pull every image from a private Amazon ECR.')
    .version(ownVersion(), '-V, --version')
    .option('--project <name>', 'first part of every repository name in ECR')
    .option('--profile <name>', 'AWS profile')
    .option('--region <region>', 'AWS region')
    .option('--account-id <id>', 'abort unless the credentials belong to this account')
    .option('--context <name>', 'kubeconfig context')
    .option('--kubeconfig <file>', 'kubeconfig file')
    .option('-c, --config <file>', 'configuration file (default: ecr-bootstrap.yaml)')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .option('-q, --quiet', 'print only the result')
    .option('-v, --verbose', 'list every change and every finding')
    .option('--timeout <duration>', 'give up after this long, for example 90s or 10m', duration)
    .option('--no-color', 'print without color')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      // What commander has to say about mistakes is said by `complain`, in three parts.
      writeErr: () => undefined,
    })
    .addHelpText(
      'after',
      `
Examples:
  $ npx ecr-bootstrap sandbox up                               try it: no AWS, no cluster
  $ ecr-bootstrap init                                         write ecr-bootstrap.yaml
  $ ecr-bootstrap up --project myproject --region eu-west-1    everything, from nothing
  $ ecr-bootstrap mirror nginx:1.28                            one more image
  $ ecr-bootstrap status                                       health, and how to fix problems`,
    );
  return program;
}

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/**
 * Milliseconds after Ctrl-C or the end of --timeout until a command is abandoned as a whole. It is longer than what the parts of
 * a command take that end by themselves.
 */
const lastGraceMs = 4000;
/** Milliseconds to close connections then. */
const closeMs = 500;

async function runCommand(
  command: Command,
  work: (session: Session) => Promise<number>,
  around: Runtime,
): Promise<number> {
  const session = openSession(command.name(), command.optsWithGlobals<GlobalFlags>(), around);
  const { signal } = session;
  // The sandbox command waits for the command inside it, which reports its own end.
  const grace = around.sandbox ? lastGraceMs : lastGraceMs + 2 * closeMs;
  let exitCode: number;
  try {
    exitCode = await withinGrace(signal, grace, () => work(session));
  } catch (thrown) {
    exitCode = reportError(session, thrown);
  } finally {
    await withinGrace(signal, closeMs, () => session.close()).catch((thrown: unknown) => {
      if (!(thrown instanceof Abandoned)) throw thrown;
    });
  }
  await session.reporter.end(exitCode === exitCodes.done);
  return exitCode;
}

/** Every error ends here, in three parts. */
function reportError(session: Session, thrown: unknown): number {
  const { signal, verbosity } = session;
  // What was cut short by the signal may say so in its own words.
  const cause = thrown instanceof BootstrapError || !signal.aborted ? thrown : (signal.reason as unknown);
  const error = cause instanceof BootstrapError ? cause : unexpectedError(cause);
  session.reporter.error(error);
  if (verbosity === 'verbose' && error.code === 'bug' && thrown instanceof Error) {
    for (const line of (thrown.stack ?? thrown.message).split('\n')) session.reporter.warn(line);
  }
  return error.exitCode;
}

const unexpectedError = (thrown: unknown): BootstrapError =>
  new BootstrapError(
    {
      code: 'bug',
      what: 'an error that was not foreseen',
      why: reasonOf(thrown),
      hint: 'Please report it with the output of the same command with -v.',
    },
    { cause: thrown },
  );

/** A mistake on the command line, told like every other error. */
async function reportUsageError(
  thrown: CommanderError,
  command: string | undefined,
  argv: readonly string[],
  around: Runtime,
): Promise<number> {
  const { reporter } = openSession(command ?? '', { output: wantsJson(argv) ? 'json' : 'text' }, around);
  const known = commands.some((entry) => entry.name === command) ? ` ${command ?? ''}` : '';
  const [first = '', ...rest] = wordsOf(thrown, command).split('\n');
  const error = new BootstrapError({
    code: 'usage',
    what: 'read the command line',
    why: first,
    hint: `${rest.join(' ').replace(/^\((.*)\)$/, '$1')} See ecr-bootstrap${known} --help.`.trim(),
  });
  reporter.error(error);
  await reporter.end(false);
  return error.exitCode;
}

/** Commander's own words, where it has some: for help that is asked in vain it has none. */
function wordsOf({ code, message }: CommanderError, command: string | undefined): string {
  if (code !== 'commander.help') return message.replace(/^error: /, '');
  return command === undefined ? 'no command was given' : `unknown command '${command}'`;
}
