import { type Layout, widthOf } from '../layout.ts';
import { formatDuration } from '../units.ts';
import type { Verbosity } from '../reporter.ts';
import { printable, printableData } from '../printable.ts';
import type { ConfigRow, MirrorRow, View } from '../view.ts';
import { actions, pastOf } from './changes.ts';
import { doctorLines } from './doctor.ts';
import { imageLines, imageNames, prunedLines, unusedLines, unusedNames } from './images.ts';
import { mirrorLines } from './mirror.ts';
import { planLines } from './plan.ts';
import { whyLines } from './why.ts';
import { statusLines } from './status.ts';
import { nameOf } from '../../core/target.ts';
import { docsUrl } from '../../core/paths.ts';
import { splitFailures } from '../../core/members.ts';
import { withoutMarkup } from '../markup.ts';

/** A view as text. No value in it can control the terminal or fake a line. */
export async function viewLines(view: View, layout: Layout, verbosity: Verbosity): Promise<string[]> {
  switch (view.type) {
    case 'config':
      return configLines(view.data.values, layout);
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
      return resultLines(view, layout);
    case 'status':
      return statusLines(view, layout, verbosity);
    case 'mirror':
      return verbosity === 'quiet' ? targets(view.data.images) : mirrorLines(view.data, layout, verbose);
    case 'images':
      return verbosity === 'quiet' ? imageNames(view.data) : imageLines(view.data, layout, verbose);
    case 'unused':
      return verbosity === 'quiet' ? unusedNames(view.data) : unusedLines(view.data, layout, verbose);
    case 'pruned':
      return verbosity === 'quiet' ? [] : prunedLines(view.data, layout);
    case 'doctor':
      return doctorLines(view.data, layout);
    case 'explanation':
      return explanationLines(view.data, layout);
    case 'why':
      return whyLines(view.data, layout);
    case 'version':
      return versionLines(view.data, layout);
  }
}

/** Shows whole values, because people search for them. A value that does not fit has its own lines. */
function configLines(values: readonly ConfigRow[], layout: Layout): string[] {
  const { style, marks } = layout;
  const heads = layout.table(
    values.map(({ key, origin }) => [
      printableData(key),
      { text: `(${printableData(origin)})`, paint: style.dim },
    ]),
    [{ min: 20 }, { min: 20 }],
  );
  const width = Math.max(0, ...heads.map(widthOf));
  return values.flatMap(({ value, problem }, index) => {
    const head = heads[index] ?? '';
    const parts = [
      ...(value === null ? [] : [printable(spacedJson(value))]),
      ...(problem === undefined ? [] : [style.bad(`${marks.failed} ${printableData(problem)}`)]),
    ];
    const text = parts.join(' ') || '-';
    return layout.wide || width + 2 + widthOf(text) <= layout.width
      ? [`${layout.pad(head, width)}  ${text}`]
      : [head, ...layout.wrap(text, { first: '    ' })];
  });
}

/** Spaces between the parts of a value let its line break there. */
const spacedJson = (value: unknown): string => JSON.stringify(value, undefined, 1).replace(/\n */g, ' ');

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
    ...layout.wrap(`${bold(code)} ${dim(`(${kinds.join('; ')})`)}`),
    ...layout.wrap(withoutMarkup(about)),
    ...layout.wrap(withoutMarkup(fix), { first: `${dim('fix:')} ` }),
    ...(page === undefined ? [] : [dim(`see: ${page}`)]),
  ];
}

function versionLines(
  { program, node, singleFile, platform, cluster }: DataOf<'version'>,
  layout: Layout,
): string[] {
  const { context, kubernetes, operator, problem = '' } = cluster;
  const runtime = singleFile ? `${node}, in a single file` : node;
  const rows = [
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
  ];
  return layout.table(rows, [{ fit: 'never' }, { fit: 'wrap' }]);
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

function resultLines({ data, isStopped }: Extract<View, { type: 'result' }>, layout: Layout): string[] {
  const { style, marks } = layout;
  const members = data.steps.flatMap(({ failures }) => failures);
  const lines = members.flatMap(({ error }) => [
    ...layout.wrap(`${error.message} ${style.dim(`[${error.code}]`)}`, {
      first: `${style.bad(marks.failed)} `,
    }),
    ...layout.wrap(error.hint, { first: `    ${style.dim('fix:')} ` }),
  ]);
  const unknown = data.steps.flatMap(({ outcomes }) => outcomes.filter(({ result }) => result === 'unknown'));
  for (const { change } of unknown) {
    const what = `${change.action} ${nameOf(change.target)}`;
    lines.push(
      ...layout.wrap(`${what}: unknown, it was still in flight when the run ended`, {
        first: `${style.warn(marks.unknown)} `,
      }),
    );
  }
  // A failure that ended the run is shown as the run's error.
  const fatal = data.steps.flatMap(({ outcomes }) =>
    outcomes.filter((outcome) => outcome.result === 'failed' && !outcome.tolerable),
  );
  const { missing, failed } = splitFailures(members);
  const failures = failed.length + fatal.length;
  const skipped = data.steps.flatMap(({ outcomes }) => outcomes.filter(({ result }) => result === 'skipped'));
  const isComplete = !isStopped && failures + missing.length + unknown.length === 0;
  if (data.changed > 0 || !isComplete) {
    const counts = [
      ...actions.flatMap((action) => (data.made[action] ? `${data.made[action]} ${pastOf[action]}` : [])),
      ...(failures > 0 ? [`${failures} failed`] : []),
      `${missing.length + skipped.length} skipped`,
      ...(unknown.length > 0 ? [`${unknown.length} unknown`] : []),
    ];
    const time = formatDuration(data.seconds * 1000);
    const head = isComplete ? `${style.good('Done')} in ${time}` : `Not complete after ${time}`;
    const late = data.unplanned > 0 ? `; ${data.unplanned} of them found during the run` : '';
    lines.push(...layout.wrap(`${head}: ${counts.join(', ')}${late}.`));
  }
  if (data.next.length > 0) {
    lines.push('', 'Next steps:', ...data.next.flatMap((line) => layout.wrap(line, { first: '  - ' })));
  }
  return lines;
}
