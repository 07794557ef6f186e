import { isAbsolute, relative, sep } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { BootstrapError } from '../errors/index.ts';
import { redact } from '../secret.ts';
import { eventLines } from './events.ts';
import { LiveLine } from './live-line.ts';
import { printableData } from './printable.ts';
import type { Reporter, ReporterOptions, Streams } from './reporter.ts';
import { createStyle, wantsColour, wantsMotion } from './style.ts';
import type { Header, View } from './view.ts';
import { viewLines } from './views/index.ts';

/**
 * Data to stdout, progress to stderr; color and motion only where a person looks. What comes in is made printable here,
 * before it is formatted: the formatters need no care.
 */
export function createTextReporter(options: ReporterOptions): Reporter {
  const { streams, env, noColor, verbosity } = options;
  const onScreen = createStyle(wantsColour(streams.stdout.isTTY === true, noColor, env));
  const style = createStyle(wantsColour(streams.stderr.isTTY === true, noColor, env));
  const quiet = verbosity === 'quiet';
  const live = new LiveLine(streams.stderr, wantsMotion(streams.stderr.isTTY === true, env) && !quiet);
  const canAsk = streams.stdin.isTTY === true && streams.stderr.isTTY === true;
  let views = Promise.resolve();

  const say = (lines: readonly string[]): void => {
    if (lines.length > 0) live.above(`${redact(lines.join('\n'))}\n`);
  };

  return {
    canAsk,
    header: (header) => {
      if (!quiet) say(headerLines(printableData(header), options).map((line) => style.dim(line)));
    },
    warn: (text) => {
      if (!quiet) say([`${style.warn('!')} ${printableData(text)}`]);
    },
    event: (raw) => {
      if (quiet && !(raw.type === 'finding' && raw.finding.level === 'failed')) return;
      const event = printableData(raw);
      live.follow(event);
      say(
        eventLines(event, style, { verbose: verbosity === 'verbose', screen: streams.stderr.isTTY === true }),
      );
    },
    show: (view: View) => {
      live.clear();
      views = views.then(async () => {
        const lines = await viewLines(view, onScreen, verbosity);
        if (lines.length > 0) streams.stdout.write(`${redact(lines.join('\n'))}\n`);
      });
      return views;
    },
    error: (error) => say(errorLines(printableData(error), style.bad, style.dim)),
    ask: async (question, expected) => {
      if (!canAsk) return false;
      live.clear();
      const answer = await answerTo(
        `${printableData(question)} ${expected === undefined ? '[y/N] ' : ''}`,
        streams,
      );
      return expected === undefined ? /^y(es)?$/i.test(answer) : answer === expected;
    },
    end: async () => {
      await views;
      live.clear();
    },
  };
}

/**
 * One line from the terminal; empty when the input ends.
 * @throws BootstrapError `interrupted` for Ctrl-C, which readline takes for itself while it asks
 */
async function answerTo(question: string, { stdin, stderr }: Streams): Promise<string> {
  const prompt = createInterface({ input: stdin, output: stderr });
  const ended = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
  const interrupted = new Promise<never>((_resolve, reject) =>
    prompt.once('SIGINT', () => {
      stderr.write('\n');
      reject(unanswered());
    }),
  );
  try {
    return (await Promise.race([prompt.question(question), ended, interrupted])).trim();
  } finally {
    prompt.close();
  }
}

const unanswered = (): BootstrapError =>
  new BootstrapError({
    code: 'interrupted',
    what: 'wait for the answer',
    why: 'the question was interrupted; nothing was changed',
    hint: 'Run the command again when the plan is what you want.',
  });

function headerLines(header: Header, around: Pick<ReporterOptions, 'cwd' | 'env'>): string[] {
  const cluster = [header.context, header.server, header.version].filter(Boolean).join(' · ');
  const rows: [string, string | undefined][] = [
    ['Caller', header.caller],
    ['Account', [header.account, header.region].filter(Boolean).join(' · ')],
    ['Registry', header.registry],
    ['Cluster', cluster],
  ];
  const lines = rows.filter(([, value]) => value).map(([name, value]) => `${name.padEnd(8)}  ${value ?? ''}`);
  return [
    ...(header.sandbox ? ['SANDBOX   nothing here is real'] : []),
    ...lines,
    ...fileLines(header, around),
  ];
}

const headerWidth = 80;

/** The files that decide where the run works, on one line, or on a line each where they are long. */
function fileLines(
  { config, kubeconfig }: Header,
  { cwd, env }: Pick<ReporterOptions, 'cwd' | 'env'>,
): string[] {
  const [label, indent] = ['Config    ', ' '.repeat(10)];
  const room = headerWidth - indent.length;
  const files = [
    config === undefined ? '(no file)' : shortPath(config, cwd, env['HOME']),
    ...(kubeconfig.length > 0
      ? kubeconfig.map((path) => shortPath(path, cwd, env['HOME']))
      : ['(no kubeconfig)']),
  ];
  const line = files.join('  ');
  if (line.length <= room) return [label + line];
  // The end of a path tells more than its beginning.
  const cut = files.map((file) => (file.length <= room ? file : `…${file.slice(1 - room)}`));
  return cut.map((file, index) => (index === 0 ? label : indent) + file);
}

/** `./ecr-bootstrap.yaml`, `~/.kube/config`, or the whole path. */
function shortPath(path: string, cwd: string, home: string | undefined): string {
  const below = (folder: string, mark: string): string | undefined => {
    const rest = relative(folder, path);
    const isBelow = rest !== '' && !isAbsolute(rest) && !rest.startsWith('..');
    return isBelow ? `${mark}${sep}${rest}` : undefined;
  };
  return below(cwd, '.') ?? (home ? below(home, '~') : undefined) ?? path;
}

function errorLines(
  error: BootstrapError,
  bad: (text: string) => string,
  dim: (text: string) => string,
): string[] {
  return [
    `${bad('error:')} ${error.what}`,
    `  ${dim('why:')} ${error.why}`,
    `  ${dim('do: ')} ${error.hint}`,
  ];
}
