import { formatList } from '../../images/list.ts';
import type { Cell, Column, Layout } from '../layout.ts';
import { formatBytes, plural, shortDigest } from '../units.ts';
import type { ImageRow, ImagesView, PrunedView, UnusedView } from '../view.ts';

/** One reference per line, for `mirror`: without images that users pushed to ECR, unless they are missing there. */
export function imageNames({ images, alsoUsed = [], running = [], lacks = [] }: ImagesView): string[] {
  const wanted = images.filter(({ source, target, present }) => source !== target || present !== true);
  return formatList({ references: [...wanted.map(({ source }) => source), ...alsoUsed], lacks, running });
}

/** The images by urgency: not in ECR, in ECR but pulled from the internet, in order. */
export function imageLines(view: ImagesView, layout: Layout, verbose: boolean): string[] {
  const { registry, images, only } = view;
  if (images.length === 0) return [nothingFound[only ?? 'all']];
  const { style } = layout;
  const rows = [...images].sort((a, b) => urgency(a) - urgency(b));
  const [titles = '', ...lines] = layout.table(
    rows.map((image) => [
      markOf(image, layout),
      image.source,
      presence(image),
      usedBy(image.usedBy),
      ...(layout.wide ? [image.target, shortDigest(image.digest)] : []),
    ]),
    layout.wide ? [...columns, { title: 'NAME IN ECR' }, { title: 'DIGEST' }] : columns,
  );
  return [
    ...layout.wrap(registry, { first: `${style.bold('ECR')}  ` }),
    '',
    style.bold(titles),
    ...lines.flatMap((line, index) => [line, ...detailLines(rows[index], registry, layout, verbose)]),
    '',
    ...layout.wrap(`${counts(images)}${legend(images, layout)}`),
    ...remarks(view, layout),
  ];
}

const nothingFound = {
  all: 'No images.',
  missing: 'No image is missing in ECR.',
  outside: 'No workload pulls from the internet.',
} as const;

const columns: readonly Column[] = [
  { gap: 1, fit: 'never' },
  { title: 'IMAGE', min: 30 },
  { title: 'IN ECR', min: 16, fit: 'end' },
  { title: 'USED BY', min: 26, fit: 'end' },
];

/** What matters first has the lowest number. */
function urgency(image: ImageRow): number {
  if (image.present === false) return 0;
  if (image.present === 'unknown') return 1;
  if (image.missingPlatforms !== undefined) return 2;
  return image.outside.length > 0 ? 3 : 4;
}

function markOf(image: ImageRow, { style, marks }: Layout): Cell {
  const [text, paint] = (
    [
      [marks.failed, style.bad],
      [marks.unknown, style.warn],
      [marks.failed, style.bad],
      [marks.arrow, style.warn],
      [marks.ok, style.good],
    ] as const
  )[urgency(image)] ?? [marks.ok, style.good];
  return { text, paint };
}

function presence({ present, missingPlatforms = [] }: ImageRow): string {
  if (present === 'unknown') return 'unknown';
  if (!present) return 'missing';
  return missingPlatforms.length > 0 ? `no ${missingPlatforms.join(', ')}` : 'yes';
}

/** Kinds as kubectl abbreviates them. */
const shortKinds: Readonly<Record<string, string>> = {
  Deployment: 'deploy',
  DaemonSet: 'ds',
  StatefulSet: 'sts',
  ReplicaSet: 'rs',
  ReplicationController: 'rc',
  CronJob: 'cj',
  Job: 'job',
  Pod: 'pod',
};

const otherUsers: Readonly<Record<string, string>> = {
  operator: 'External Secrets Operator',
  config: 'images.list',
  nodes: 'node access',
};

function usedBy([first = '-', ...others]: readonly string[]): string {
  const name = otherUsers[first] ?? first.replace(/^\w+(?= )/, (kind) => shortKinds[kind] ?? kind);
  return others.length > 0 ? `${name} +${others.length}` : name;
}

/** The name in ECR if it is not the name of the source behind the registry, and with -v the digest. */
function detailLines(
  image: ImageRow | undefined,
  registry: string,
  layout: Layout,
  verbose: boolean,
): string[] {
  if (!image || layout.wide) return [];
  const { source, target, digest } = image;
  const isRenamed = target !== `${registry}/${source}`;
  if (!verbose && !(isRenamed && image.outside.length > 0)) return [];
  const name = target.startsWith(`${registry}/`) ? target.slice(registry.length + 1) : target;
  const parts = [
    ...(isRenamed ? [`in ECR: ${name}`] : []),
    ...(verbose && digest !== undefined ? [digest] : []),
  ];
  return parts.flatMap((part) => layout.wrap(layout.style.dim(part), { first: '      ' }));
}

function counts(images: readonly ImageRow[]): string {
  const count = (present: ImageRow['present']) => images.filter((image) => image.present === present).length;
  const incomplete = images.filter(({ missingPlatforms }) => missingPlatforms !== undefined).length;
  const parts = [
    ...(count(true) > 0 ? [`${count(true)} in ECR`] : []),
    ...(incomplete > 0 ? [`${incomplete} of them without a wanted platform`] : []),
    ...(count(false) > 0 ? [`${count(false)} missing`] : []),
    ...(count('unknown') > 0 ? [`${count('unknown')} unknown`] : []),
  ];
  return `${plural(images.length, 'image')}: ${parts.join(', ')}.`;
}

const legend = (images: readonly ImageRow[], { marks }: Layout): string =>
  images.some((image) => urgency(image) === 3) ? ` ${marks.arrow} a workload uses the public name.` : '';

function remarks({ images, only, from, platforms = [] }: ImagesView, layout: Layout): string[] {
  const mirrored = images.filter((image) => image.mirrored).length;
  const workloads = new Set(images.flatMap(({ outside }) => outside)).size;
  // What users pushed to ECR has no source.
  const copies = images.filter(({ source, target }) => source !== target);
  const chosen = platforms.length > 0 ? ` --platform ${platforms.join(',')}` : '';
  return [
    ...(copies.some((image) => urgency(image) === 0 || urgency(image) === 2)
      ? [
          from === 'manifests'
            ? `To copy what is missing, add this: -q | ecr-bootstrap mirror --from-file -${chosen}`
            : `To copy what is missing: ecr-bootstrap mirror${chosen}`,
        ]
      : []),
    ...(mirrored > 0
      ? [`Nodes pull ${mirrored} of ${plural(images.length, 'image')} from ECR under the public name.`]
      : []),
    ...(workloads > 0
      ? [
          `${workloads === 1 ? '1 workload pulls' : `${workloads} workloads pull`} from the internet. Put the registry and a slash before the image names there${mirrored > 0 || only === 'outside' ? '' : ', or let nodes pull from ECR with nodes.access: on'}.`,
        ]
      : []),
  ].flatMap((remark) => layout.wrap(remark));
}

type UnusedRow = UnusedView['images'][number];

/** The names in ECR, one per line. */
export const unusedNames = ({ registry, images }: UnusedView): string[] =>
  images.flatMap((image) => namesOf(image).map((name) => `${hostOf(registry)}/${name}`));

const namesOf = ({ repository, tags, digest }: UnusedRow, shown = digest): string[] =>
  tags.length === 0 ? [`${repository}@${shown}`] : tags.map((tag) => `${repository}:${tag}`);

const hostOf = (registry: string): string => registry.slice(0, registry.indexOf('/'));

/** The images that nothing uses, the largest first. */
export function unusedLines(view: UnusedView, layout: Layout, verbose: boolean): string[] {
  const { registry, images, sizeBytes } = view;
  const skipped = skippedLines(view, layout, verbose);
  if (images.length === 0) return ['No image in ECR is unused.', ...skipped];
  const { style } = layout;
  const project = `${registry.slice(registry.indexOf('/') + 1)}/`;
  const rows = [...images].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const [titles = '', ...lines] = layout.table(
    rows.flatMap((image) =>
      namesOf(image, shortDigest(image.digest)).map((name, index) => [
        name.startsWith(project) ? name.slice(project.length) : name,
        index > 0 ? '' : image.tagOnly ? 'tag only' : formatBytes(image.sizeBytes),
        image.pushed.slice(0, 10),
      ]),
    ),
    [
      { title: 'IMAGE', min: 30 },
      { title: 'SIZE', align: 'right', fit: 'never' },
      { title: 'PUSHED', fit: 'never' },
    ],
  );
  return [
    ...layout.wrap(registry, { first: `${style.bold('ECR')}  ` }),
    '',
    style.bold(titles),
    ...lines,
    '',
    `${plural(images.length, 'unused image')}, ${formatBytes(sizeBytes)}.`,
    ...skipped,
  ];
}

function skippedLines({ skipped }: UnusedView, layout: Layout, verbose: boolean): string[] {
  const [first] = skipped;
  if (!first) return [];
  if (verbose) return skipped.flatMap(({ repository, why }) => layout.wrap(`Skipped ${repository}: ${why}.`));
  const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : '';
  return layout.wrap(`Skipped repository ${first.repository}${more}: ${first.why}.`);
}

export function prunedLines({ deleted, sizeBytes, kept, inUse }: PrunedView, layout: Layout): string[] {
  const { style, marks } = layout;
  return [
    ...kept.flatMap(({ name, code, why }) =>
      layout.wrap(`${name} is kept: ${why} ${style.dim(`[${code}]`)}`, {
        first: `${style.bad(marks.failed)} `,
      }),
    ),
    ...(inUse > 0 ? layout.wrap(`Kept ${plural(inUse, 'image')} that came into use meanwhile.`) : []),
    `Deleted ${plural(deleted, 'image')}, ${formatBytes(sizeBytes)}.`,
  ];
}
