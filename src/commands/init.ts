import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { basename, resolve } from 'node:path';
import { knownContext } from '../config/ambient.ts';
import { defaultFile } from '../config/load.ts';
import { configTemplate } from '../config/template.ts';
import { BootstrapError, exitCodes } from '../core/errors.ts';
import { commandLine } from '../run/command-line.ts';
import { type OutputFile, prepareOutput, writeOutput } from '../run/output-file.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--force', 'overwrite the file')
    .action((options: InitOptions) => program.run(command, (session) => init(session, options)));
  examples(command, [
    ['ecr-bootstrap init --project myproject', 'Write ecr-bootstrap.yaml here'],
    ['ecr-bootstrap init -c clusters/prod.yaml', 'Write another file'],
  ]);
}

export interface InitOptions {
  readonly force?: boolean;
}

const sandboxHeading =
  'WRITTEN IN A SANDBOX: the account and the context do not exist. Run `ecr-bootstrap init` for a real file.';

/** A comment that YAML reads as an empty value, which every command reports as missing. */
const missingRegion = '# set this, for example eu-west-1';

/** Milliseconds that AWS and the cluster have to respond. Values that arrive later are omitted. */
const requestTimeoutMs = 10_000;

/** Writes a commented configuration file with the region, profile, account, context and platforms that it finds. */
export async function init(session: Session, { force = false }: InitOptions): Promise<number> {
  const { cwd, env, flags, reporter } = session;
  const name = flags.config ?? defaultFile;
  const file: OutputFile = { path: resolve(cwd, name), name, hint: 'Write another file with -c FILE.' };
  if (existsSync(file.path) && !force) throw exists(name);

  const named = flags['project'] ?? env['ECR_BOOTSTRAP_PROJECT'];
  const project = typeof named === 'string' ? named : nameFor(cwd);
  // An empty file replaces the configuration file that this command writes.
  const blank = session.fork({ config: devNull, project });
  try {
    const { config, origins } = await blank.loaded({ placeholders: true });
    const hasRegion = origins.get('aws.region') !== 'placeholder';
    prepareOutput(file);
    const ctx = await blank.context();
    const warn = (text: string): void => reporter.warn(text);
    const [account, platforms] = await Promise.all([
      hasRegion ? orUndefined(async () => (await ctx.aws.identity()).accountId, warn) : undefined,
      orUndefined(() => ctx.inventory.platforms(), warn),
    ]);
    const context = config.cluster.context ?? (await knownContext(config.cluster.kubeconfig));
    const values = given({
      project,
      'aws.region': hasRegion ? config.aws.region : missingRegion,
      'aws.profile': config.aws.profile,
      'aws.accountId': account === undefined ? undefined : JSON.stringify(account),
      'cluster.context': context,
    });
    const remarks = given({
      'images.platforms': platforms && `The nodes of ${context ?? 'the cluster'}: ${platforms.join(', ')}`,
    });
    writeOutput(file, configTemplate({ heading: session.sandbox ? [sandboxHeading] : [], values, remarks }));
    const next = hasRegion ? '' : 'set aws.region in it, then run ';
    const command = commandLine({ ...session, argv: ['up'] }, [
      ...(flags.config === undefined ? [] : ['-c', name]),
      '--dry-run',
    ]);
    await reporter.show({ type: 'text', data: { text: `Wrote ${name}. Next: ${next}${command}` } });
  } finally {
    await blank.close();
  }
  return exitCodes.done;
}

function given(values: Record<string, string | undefined>): Map<string, string> {
  return new Map(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** A value that cannot be found is not an error: the file works without it. */
async function orUndefined<T>(find: () => Promise<T>, warn: (text: string) => void): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((done) => {
    timer = setTimeout(() => done(undefined), requestTimeoutMs);
  });
  try {
    return await Promise.race([find(), late]);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    warn(`${error.message}. The value is left out.`);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** A project name that is derived from the name of the folder. */
const nameFor = (cwd: string): string =>
  basename(cwd)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'myproject';

const exists = (file: string): BootstrapError =>
  new BootstrapError({
    code: 'file-exists',
    what: `could not write ${file}`,
    why: 'the file exists',
    hint: 'Overwrite it with --force, or write another file with -c FILE.',
  });
