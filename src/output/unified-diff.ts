import type { StructuredPatchHunk } from 'diff';
import type { Preview } from '../core/step.ts';

/** Texts that differ in more lines than this are shown as one removal and one addition. */
const maxDifferences = 5000;
const context = 3;

/** The lines of a unified diff, without the names of files. Empty if the resource stays the same. */
export async function unifiedDiff({ format, before, after }: Preview): Promise<readonly string[]> {
  const textOf = format === 'json' ? jsonOf : await yaml();
  const [old, desired] = [before === undefined ? '' : textOf(before), textOf(after)];
  if (old === desired) return [];
  const { structuredPatch } = await import('diff');
  const options = { context, maxEditLength: maxDifferences };
  const patch = old === '' ? undefined : structuredPatch('', '', old, desired, '', '', options);
  return (patch?.hunks ?? [replacement(linesOf(old), linesOf(desired))]).flatMap((hunk) => [
    header(hunk),
    ...hunk.lines,
  ]);
}

const jsonOf = (object: object): string => `${JSON.stringify(object, undefined, 2)}\n`;

async function yaml(): Promise<(object: object) => string> {
  const { dump } = await import('js-yaml');
  return (object) => dump(object, { noRefs: true, lineWidth: -1 });
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

const replacement = (old: readonly string[], desired: readonly string[]): StructuredPatchHunk => ({
  oldStart: Math.min(old.length, 1),
  oldLines: old.length,
  newStart: Math.min(desired.length, 1),
  newLines: desired.length,
  lines: [...old.map((line) => `-${line}`), ...desired.map((line) => `+${line}`)],
});

const header = ({ oldStart, oldLines, newStart, newLines }: StructuredPatchHunk): string =>
  `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`;
