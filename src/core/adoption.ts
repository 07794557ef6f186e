import { managedByLabel, tagPrefix } from './ownership.ts';
import type { Adoption, Change } from './step.ts';

/** The change of something that is not ours: it also puts our mark there, which goes without saying. */
export const adopting = (change: Change, adopts: Adoption): Change => ({
  ...change,
  fields: change.fields.filter(({ path }) => !isMark(path)),
  adopts,
});

const isMark = (path: string): boolean =>
  marks.has(path) ||
  path.startsWith(`tags.${tagPrefix}`) ||
  path.startsWith('metadata.annotations["ecr-bootstrap.dev/');

const marks: ReadonlySet<string> = new Set([`metadata.labels["${managedByLabel}"]`]);

/** For what bears no mark at all. */
export const nobody = 'nobody known';
