import type { Layout } from '../layout.ts';
import { columns, formatBytes, plural } from '../units.ts';
import type { ImageRow, MirrorRow } from '../view.ts';

const shortDigest = (digest: string | undefined): string =>
  digest?.replace('sha256:', '').slice(0, 12) ?? '-';

export function imageLines({ images }: { images: readonly ImageRow[] }): string[] {
  const rows = images.map((image) => [
    image.source,
    image.target,
    presence(image),
    shortDigest(image.digest),
    usedBy(image.usedBy),
  ]);
  const mirrored = images.filter((image) => image.mirrored).length;
  const remark = `Nodes pull ${mirrored} of ${plural(images.length, 'image')} from ECR under the name of the source, too.`;
  return [
    ...columns([['SOURCE', 'NAME IN ECR', 'IN ECR', 'DIGEST', 'USED BY'], ...rows]),
    ...(mirrored > 0 ? ['', remark] : []),
  ];
}

function presence({ present, missingPlatforms = [] }: ImageRow): string {
  if (present === 'unknown') return 'unknown';
  if (!present) return 'no';
  return missingPlatforms.length > 0 ? `no ${missingPlatforms.join(', ')}` : 'yes';
}

function usedBy(users: readonly string[]): string {
  const [first = '-', ...others] = users;
  return others.length > 0 ? `${first} and ${others.length} more` : first;
}

export function mirrorLines(
  { images, dryRun }: { images: readonly MirrorRow[]; dryRun: boolean },
  { style }: Layout,
): string[] {
  const failed = images.filter((image) => image.error);
  const rows = images
    .filter((image) => !image.error)
    .map((image) => [image.state, image.source, image.target ?? '', outcome(image)]);
  const lines = rows.length > 0 ? columns([['STATE', 'SOURCE', 'NAME IN ECR', ''], ...rows]) : [];
  for (const { source, error } of failed) {
    if (!error) continue;
    const what = error.what.includes(source) ? error.what : `${source}: ${error.what}`;
    const head = `${style.bad('failed')}  ${what}: ${error.why} ${style.dim(`[${error.code}]`)}`;
    lines.push(head, `    ${style.dim('fix:')} ${error.hint}`);
  }
  return [...lines, summary(images, dryRun)];
}

function outcome(image: MirrorRow): string {
  const moved = image.previousDigest
    ? `${shortDigest(image.previousDigest)} -> ${shortDigest(image.targetDigest ?? image.sourceDigest)}  `
    : '';
  const size = image.bytesSent > 0 ? `${formatBytes(image.bytesSent)} sent  ` : '';
  const content = image.content ? `${image.content}  ` : '';
  const missing = image.missingPlatforms ? `  source has no ${image.missingPlatforms.join(', ')}` : '';
  return `${moved}${size}${content}${image.platforms.join(',')}${missing}`;
}

function summary(images: readonly MirrorRow[], dryRun: boolean): string {
  const count = (states: readonly MirrorRow['state'][]) =>
    images.filter((image) => states.includes(image.state)).length;
  const copied = count(['copied', 'moved', 'would-copy', 'would-move']);
  const sent = images.reduce((sum, image) => sum + image.bytesSent, 0);
  const failed = count(['failed']);
  const parts = [
    `${plural(copied, 'image')} ${dryRun ? 'would be copied' : `copied (${formatBytes(sent)} sent)`}`,
    `${count(['current', 'kept'])} already in ECR`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return `${parts.join(', ')}.`;
}
