import { openSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { WriteStream } from 'node:tty';
import { onAbort } from '../core/abort.ts';
import { type BootstrapError, interruptedError } from '../core/errors.ts';
import { docsUrl } from '../core/paths.ts';
import { withoutSecrets } from '../core/secret.ts';
import { eventLines } from './events.ts';
import { LiveLine } from './live-line.ts';
import { printableData, withinSandbox } from './printable.ts';
import { Redraw } from './redraw.ts';
import type { OutputStream, Reporter, ReporterOptions } from './reporter.ts';
import { Layout, usableWidth, widthOf } from './layout.ts';
import { wantsColor, wantsMotion, wantsUnicode } from './style.ts';
import type { Header, View } from './view.ts';
import { viewLines } from './views/index.ts';

/**
 * Writes data to stdout and progress to stderr. Uses color and motion only on a terminal. Texts are made
 * printable here before they are formatted, so that formatters need not handle control characters.
 */
export function createTextReporter(options: ReporterOptions): Reporter {
  const { streams, env, color, wide, verbosity, sandbox } = options;
  /** For the current width: terminals change theirs. */
  const layoutFor = (stream: OutputStream, isTerminal = stream.isTTY === true): Layout =>
    new Layout({
      sandbox,
      width: usableWidth(stream),
      color: wantsColor(isTerminal, color, env),
      unicode: wantsUnicode(env),
      wide,
    });
  const quiet = verbosity === 'quiet';
  const live = new LiveLine(
    streams.stderr,
    () => layoutFor(streams.stderr),
    wantsMotion(streams.stderr.isTTY === true, env) && !quiet,
  );
  const redraw = new Redraw(streams.stdout, wantsMotion(streams.stdout.isTTY === true, env));
  let views = Promise.resolve();
  /** The plan, until it is shown on a terminal. A question about the plan shows it first. */
  let hiddenPlan: Extract<View, { type: 'plan' | 'unused' }> | undefined;

  const textOf = (lines: readonly string[]): string => {
    const text = withoutSecrets(lines.join('\n'));
    return `${sandbox ? withinSandbox(text) : text}\n`;
  };
  const say = (lines: readonly string[]): void => {
    if (lines.length === 0) return;
    redraw.forget();
    live.above(textOf(lines));
  };

  /** Asks on the terminal, even if stderr is redirected. Undefined without a terminal. */
  const onTerminal = async (
    question: string,
    signal: AbortSignal,
    before?: (screen: OutputStream) => Promise<void>,
  ): Promise<string | undefined> => {
    if (streams.stdin.isTTY !== true) return undefined;
    const ownScreen = streams.stderr.isTTY === true ? undefined : openTerminal();
    if (streams.stderr.isTTY !== true && !ownScreen) return undefined;
    const screen = ownScreen ?? streams.stderr;
    await views;
    live.clear();
    try {
      await before?.(screen);
      const lines = layoutFor(screen, true).wrap(withoutSecrets(printableData(question)));
      const prompt = `${lines.at(-1) ?? ''} `;
      for (const line of lines.slice(0, -1)) screen.write(`${line}\n`);
      return (await readAnswer(prompt, streams.stdin, screen, signal)).trim();
    } finally {
      ownScreen?.end();
    }
  };

  return {
    header: (header) => {
      if (quiet) return;
      const around = { ...options, verbose: verbosity === 'verbose' };
      say(headerLines(printableData(header), layoutFor(streams.stderr), around));
    },
    warn: (text) => {
      if (quiet) return;
      const layout = layoutFor(streams.stderr);
      say(layout.wrap(printableData(text), { first: `${layout.style.warn(layout.marks.warning)} ` }));
    },
    event: (raw) => {
      if (quiet && !(raw.type === 'finding' && raw.finding.level === 'failed')) return;
      const event = printableData(raw);
      live.follow(event);
      say(
        eventLines(event, layoutFor(streams.stderr), {
          verbose: verbosity === 'verbose',
          screen: streams.stderr.isTTY === true,
        }),
      );
    },
    show: (view: View) => {
      live.clear();
      const isPlan = view.type === 'plan' || view.type === 'unused';
      if (isPlan && (quiet || streams.stdout.isTTY !== true)) hiddenPlan = view;
      views = views.then(async () => {
        const lines = await viewLines(view, layoutFor(streams.stdout), verbosity);
        if (lines.length > 0) streams.stdout.write(textOf(lines));
      });
      return views;
    },
    refresh: (view: View) => {
      live.clear();
      views = views.then(async () => {
        const layout = layoutFor(streams.stdout);
        const lines = await viewLines(view, layout, verbosity);
        redraw.show(textOf(lines).trimEnd().split('\n'), layout);
      });
      return views;
    },
    error: (error) => say(errorLines(printableData(error), layoutFor(streams.stderr))),
    ask: async (question, { expected, signal }) => {
      const text = `${question}${expected === undefined ? ' [y/N]' : ''}`;
      const answer = await onTerminal(text, signal, async (screen) => {
        if (!hiddenPlan) return;
        const lines = await viewLines(hiddenPlan, layoutFor(screen, true), 'normal');
        screen.write(textOf(lines));
      });
      if (answer === undefined) return undefined;
      return expected === undefined ? /^y(es)?$/i.test(answer) : answer === expected;
    },
    askFor: (question, { signal }) => onTerminal(question, signal),
    end: async () => {
      await views;
      live.clear();
    },
  };
}

/** The terminal itself, for a question while stderr is redirected. Undefined without a controlling terminal. */
function openTerminal(): WriteStream | undefined {
  try {
    return new WriteStream(openSync('/dev/tty', 'w'));
  } catch {
    return undefined;
  }
}

/**
 * Reads one line from the terminal. The end of the input (Ctrl-D) counts as an empty line.
 * @throws BootstrapError `interrupted` for Ctrl-C, which readline handles itself, or the signal's reason when it aborts
 */
async function readAnswer(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const prompt = createInterface({ input, output });
  let removeListener = (): void => undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      const unanswered = (settle: () => void) => (): void => {
        output.write('\n');
        settle();
      };
      removeListener = onAbort(
        signal,
        unanswered(() => reject(signal.reason as Error)),
      );
      prompt.once('line', resolve);
      prompt.once(
        'close',
        unanswered(() => resolve('')),
      );
      prompt.once(
        'SIGINT',
        unanswered(() => reject(interrupted())),
      );
      prompt.setPrompt(question);
      prompt.prompt();
    });
  } finally {
    removeListener();
    prompt.removeAllListeners('close');
    prompt.close();
  }
}

const interrupted = (): BootstrapError =>
  interruptedError({
    what: 'could not get an answer',
    why: 'Ctrl-C was pressed at the question; nothing was changed',
    hint: 'Run the same command again to see the plan and the question.',
  });

interface Around extends Pick<ReporterOptions, 'cwd' | 'env'> {
  /** Shows the registry and the address of the API too. */
  readonly verbose: boolean;
}

/** The account, the cluster and the files, in two columns if they fit. */
function headerLines(header: Header, layout: Layout, around: Around): string[] {
  const { verbose } = around;
  const joined = (...parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join('  ');
  const caller = header.caller?.replace(/^arn:[^:]*:[^:]*::\d+:/, '');
  const [config = '', ...kubeconfig] = filesOf(header, around);
  const rows: HeaderRow[] = [
    {
      label: 'SANDBOX',
      texts: header.sandbox ? ['no real resources are used. Do not paste its aws and kubectl commands.'] : [],
    },
    {
      label: 'AWS',
      texts: [joined(header.account, header.region), ...(caller === undefined ? [] : [`as ${caller}`])],
    },
    { label: 'Registry', texts: verbose ? [header.registry ?? ''] : [] },
    ...(header.context === undefined
      ? [{ label: 'Project', texts: [header.project ?? ''] }]
      : [
          {
            label: 'Cluster',
            texts: [joined(header.context, header.version), `project ${header.project ?? ''}`],
          },
        ]),
    { label: 'API', texts: verbose ? [header.server ?? ''] : [] },
    { label: 'Config', texts: [config, ...kubeconfig], isPaths: true },
  ];
  return columnLines(rows, layout).map((line) => layout.style.dim(line));
}

interface HeaderRow {
  readonly label: string;
  /** Those that are empty are left out. */
  readonly texts: readonly string[];
  /** Long paths are shortened. */
  readonly isPaths?: boolean;
}

/** The columns of `Registry`, so that the values of all headers stand in one column. */
const labelWidth = 8;
/** A longer first text of a row does not move the second column. */
const maxFirstWidth = 36;

/** Each row on one line with its second text in a column, or with one line for each text that has no room. */
function columnLines(rows: readonly HeaderRow[], layout: Layout): string[] {
  const shown = rows
    .map((row) => ({ ...row, texts: row.texts.filter((text) => text !== '') }))
    .filter(({ texts }) => texts.length > 0);
  const start = labelWidth + 2;
  const firstWidths = shown.flatMap(({ texts: [first = '', second] }) => (second ? widthOf(first) : []));
  const firstWidth = Math.max(0, ...firstWidths.filter((width) => width <= maxFirstWidth));
  return shown.flatMap(({ label, texts, isPaths = false }) => {
    const [first = '', ...others] = texts;
    const line = [...(others.length > 0 ? [layout.pad(first, firstWidth)] : [first]), ...others].join('  ');
    const head = layout.pad(label, start);
    if (start + widthOf(line) <= layout.width) return [head + line];
    return texts.flatMap((text, index) => {
      const margin = index === 0 ? head : ' '.repeat(start);
      return isPaths
        ? [margin + layout.shorten(text, layout.width - start)]
        : layout.wrap(text, { first: margin, rest: ' '.repeat(start) });
    });
  });
}

/** The files that determine the account and the cluster. */
function filesOf(
  { config, kubeconfig }: Header,
  { cwd, env }: Pick<ReporterOptions, 'cwd' | 'env'>,
): string[] {
  return [
    config === undefined ? '(no file)' : shortPath(config, cwd, env['HOME']),
    ...(kubeconfig.length > 0
      ? kubeconfig.map((path) => shortPath(path, cwd, env['HOME']))
      : ['(no kubeconfig)']),
  ];
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

/**
 * The lines of an error and of the others that were found with it. Equal headlines are shown once.
 * @param url the page about the code of the error; undefined in a clone
 */
export function errorLines(
  error: BootstrapError,
  layout: Layout,
  url = docsUrl(`reference/errors.md#${error.code}`),
): string[] {
  const { bad, dim } = layout.style;
  const headline = ({ what, code }: BootstrapError): string[] =>
    layout.wrap(`${what} ${dim(`[${code}]`)}`, { first: `${bad('error:')} ` });
  const reasons = ({ why, hint }: BootstrapError): string[] => [
    ...layout.wrap(why, { first: `  ${dim('why:')} ` }),
    ...layout.wrap(hint, { first: `  ${dim('fix:')} ` }),
  ];
  const isSame = (other: BootstrapError): boolean => other.what === error.what && other.code === error.code;
  return [
    ...headline(error),
    ...reasons(error),
    ...error.others.flatMap((other) => [...(isSame(other) ? [] : headline(other)), ...reasons(other)]),
    ...(url === undefined ? [] : [dim(`  see: ${url}`)]),
  ];
}
