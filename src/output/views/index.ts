import type { Layout } from '../layout.ts';
import { columns, plural } from '../units.ts';
import type { Verbosity } from '../reporter.ts';
import { printable, printableData } from '../printable.ts';
import type { ConfigRow, MirrorRow, View } from '../view.ts';
import { imageLines, mirrorLines } from './images.ts';
import { planLines } from './plan.ts';
import { statusLines } from './status.ts';
import { nameOf } from '../../core/target.ts';
import { docsUrl } from '../../core/paths.ts';
import { splitFailures } from '../../core/members.ts';
import { withoutMarkup } from '../markup.ts';

/** A view as text. No value in it can control the terminal or fake a line. */
export async function viewLines(view: View, layout: Layout, verbosity: Verbosity): Promise<string[]> {
  switch (view.type) {
    case 'config':
      return configLines(view.data.values);
    case 'objects':
      return [await yamlOf(view.data.objects)];
    case 'document':
      if (view.yaml) return [`# ${printableData(view.yaml.comment)}`, await yamlOf(view.yaml.objects)];
      return [printable(JSON.stringify(view.data.document, undefined, 2))];
    case 'text':
      return [printable(view.data.text)];
    default:
      return formatted(printableData(view), layout, verbosity);
  }
}

function formatted(
  view: Exclude<View, { readonly type: 'config' | 'objects' | 'document' | 'text' }>,
  layout: Layout,
  verbosity: Verbosity,
): string[] {
  const verbose = verbosity === 'verbose';
  switch (view.type) {
    case 'plan':
      return verbosity === 'quiet' ? [] : planLines(view.data, layout, verbose);
    case 'result':
      return resultLines(view.data, layout);
    case 'status':
      return statusLines(view.data, layout, verbose);
    case 'mirror':
      return verbosity === 'quiet' ? targets(view.data.images) : mirrorLines(view.data, layout);
    case 'images':
      return verbosity === 'quiet' ? view.data.images.map(({ source }) => source) : imageLines(view.data);
    case 'explanation':
      return explanationLines(view.data, layout);
    case 'version':
      return versionLines(view.data);
  }
}

const configLines = (values: readonly ConfigRow[]): string[] =>
  columns(
    values.map(({ key, value, origin, problem }) => [
      printableData(key),
      value === null ? '-' : printable(JSON.stringify(value)),
      printableData(`(${origin})${problem === undefined ? '' : ` ${problem}`}`),
    ]),
  );

type DataOf<T extends View['type']> = Extract<View, { readonly type: T }>['data'];

function explanationLines(
  { code, exitCode, level, about, fix }: DataOf<'explanation'>,
  layout: Layout,
): string[] {
  const { bold, dim } = layout.style;
  const kinds = [
    ...(exitCode === undefined ? [] : [`error, exit code ${exitCode}`]),
    ...(level === undefined ? [] : [`finding, ${level}`]),
  ];
  const page = docsUrl(`reference/errors.md#${code}`);
  return [
    `${bold(code)} ${dim(`(${kinds.join('; ')})`)}`,
    ...layout.wrap(withoutMarkup(about)),
    ...layout.wrap(withoutMarkup(fix), { first: `${dim('fix:')} ` }),
    ...(page === undefined ? [] : [dim(`see: ${page}`)]),
  ];
}

function versionLines({ program, node, singleFile, platform, cluster }: DataOf<'version'>): string[] {
  const { context, kubernetes, operator, problem = '' } = cluster;
  const runtime = singleFile ? `${node}, in a single file` : node;
  return columns([
    ['ecr-bootstrap', program],
    ['Node.js', `${runtime} (${platform})`],
    [
      'Kubernetes',
      kubernetes === undefined ? `unknown: ${problem}` : `${kubernetes} (context ${context ?? ''})`,
    ],
    ...(kubernetes === undefined
      ? []
      : [
          [
            'External Secrets',
            operator === undefined ? `unknown: ${problem}` : (operator ?? 'not installed'),
          ],
        ]),
  ]);
}

/** One reference per line, for `kubectl set image`. */
const targets = (images: readonly MirrorRow[]): string[] =>
  images.flatMap(({ state, target }) => (state === 'failed' || target === undefined ? [] : [target]));

async function yamlOf(objects: readonly object[]): Promise<string> {
  const { dump } = await import('js-yaml');
  const options = { noRefs: true, lineWidth: 120 } as const;
  const documents = objects.map((object) => {
    const text = dump(object, options);
    if (printable(text) === text) return text;
    // YAML reads escapes only in double quotes.
    return printable(dump(object, { ...options, forceQuotes: true, quotingType: '"' }));
  });
  return documents
    .map((text) => `---\n${text}`)
    .join('')
    .trimEnd();
}

function resultLines(data: DataOf<'result'>, { style }: Layout): string[] {
  const members = data.steps.flatMap(({ failures }) => failures);
  const lines = members.flatMap(({ error }) => [
    `${style.bad('✗')} ${error.message} ${style.dim(`[${error.code}]`)}`,
    `    ${style.dim('fix:')} ${error.hint}`,
  ]);
  const unknown = data.steps.flatMap(({ outcomes }) => outcomes.filter(({ result }) => result === 'unknown'));
  for (const { change } of unknown) {
    lines.push(
      `${style.warn('?')} ${change.action} ${nameOf(change.target)}: unknown, it was still in flight when the run ended`,
    );
  }
  // A failure that ended the run is shown as the run's error.
  const fatal = data.steps.flatMap(({ outcomes }) =>
    outcomes.filter((outcome) => outcome.result === 'failed' && !outcome.tolerable),
  );
  const { missing, failed } = splitFailures(members);
  const counts = [
    ...(failed.length + fatal.length > 0 ? [`${failed.length + fatal.length} failed`] : []),
    ...(missing.length > 0 ? [`${missing.length} skipped`] : []),
  ];
  if (unknown.length > 0) counts.push(`${unknown.length} unknown`);
  const late = data.unplanned > 0 ? `, ${data.unplanned} of them found during the run` : '';
  if (counts.length > 0) {
    lines.push(`${[`${plural(data.changed, 'change')} done${late}`, ...counts].join(', ')}.`);
  } else if (data.changed > 0) {
    lines.push(`${style.good('Done')}: ${plural(data.changed, 'change')}${late}.`);
  }
  if (data.next.length > 0) lines.push('', 'Next steps:', ...data.next.map((line) => `  - ${line}`));
  return lines;
}
