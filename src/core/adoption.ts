import type { Tags } from '../clients/aws/port.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { Adoption, Change, Target } from './plan-exports.ts';
import { managedByLabel, tagPrefix, tags } from './ownership.ts';
import { markKeysIn } from '../iam/tags.ts';

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

/** Who keeps a Kubernetes object, by the label that tools put there. */
export const ownerOf = ({ metadata }: KubeObject): string => metadata.labels?.[managedByLabel] ?? nobody;

/** What `down` does with an adopted resource of AWS: it existed before, so only the tags of this program are removed. */
export const release = (target: Target, tags: Tags): Change => ({
  action: 'update',
  target,
  fields: markKeysIn(tags).map((key) => ({ path: `tags.${key}`, from: tags[key] })),
  reason: 'adopted, so it is kept',
});

export const isRelease = ({ action, fields }: Change): boolean =>
  action === 'update' &&
  fields.some(({ path }) => path === `tags.${tags.adopted}`) &&
  fields.every((field) => !('to' in field));
