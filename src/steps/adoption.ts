import type { KubeObject } from '../cluster/port.ts';
import type { Adoption, Change } from '../plan/index.ts';
import { managedByLabel, tags } from './ownership.ts';

/** The change of something that is not ours: it also puts our mark there, which goes without saying. */
export const adopting = (change: Change, adopts: Adoption): Change => ({
  ...change,
  fields: change.fields.filter(({ path }) => !isMark(path)),
  adopts,
});

const isMark = (path: string): boolean =>
  marks.has(path) || path.startsWith('metadata.annotations["ecr-bootstrap.dev/');

const marks: ReadonlySet<string> = new Set([
  `metadata.labels["${managedByLabel}"]`,
  `tags.${tags.project}`,
  `tags.${tags.region}`,
]);

/** For what bears no mark at all. */
export const nobody = 'nobody known';

/** Who keeps a Kubernetes object, by the label that tools put there. */
export const ownerOf = ({ metadata }: KubeObject): string => metadata.labels?.[managedByLabel] ?? nobody;
