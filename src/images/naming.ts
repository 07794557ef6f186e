import { BootstrapError } from '../core/errors.ts';
import { probeHost } from '../core/ownership.ts';
import { canonical, isOperator, operatorName, operatorRepositories } from './operator.ts';
import { formatReference, parseReference, type Reference, repositoryOf } from './reference.ts';

/** The settings that determine the names in ECR. */
export interface Naming {
  readonly project: string;
  /** From source repository to repository inside the project: `docker.io/library/nginx` to `web/nginx`. */
  readonly map: Readonly<Record<string, string>>;
}

/** The name of an image in ECR, without the host. */
export interface EcrName {
  readonly repository: string;
  /** The digest, for a source without a tag. */
  readonly tag: string;
}

/** From ECR's documentation, which is stricter than its service model: no two separators in a row. */
export const ecrComponent = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
/** Grammar and length of ECR's CreateRepository. */
const ecrGrammar = new RegExp(`^${ecrComponent}(?:/${ecrComponent})*$`);
const minLength = 2;
const maxLength = 256;

/**
 * The name of a source in ECR. It contains the host, so that equal paths of two registries do not collide.
 * @throws BootstrapError `repository-name-invalid` with the `images.map` line to write as its hint
 */
export function ecrName(source: Reference, naming: Naming): EcrName {
  const reference = canonical(source);
  const path = pathInProject(reference, naming);
  const repository = `${naming.project}/${path}`;
  const isReserved = path.startsWith(`${probeHost}/`) && reference.host !== probeHost;
  const why = isReserved ? `${probeHost} is reserved for the agent on nodes` : whyInvalid(repository);
  if (why !== undefined) throw invalidName(reference, repository, why, naming);
  return { repository, tag: reference.tag ?? reference.digest ?? 'latest' };
}

/**
 * The source of an image, from its name in ECR: the inverse of {@link ecrName}. Undefined if no source gets
 * that name, for example for images that users pushed to ECR themselves.
 */
export function sourceOf(inEcr: Reference, naming: Naming): Reference | undefined {
  const [source] = sourceRepositories(inEcr.path, naming);
  return source && { ...inEcr, ...source };
}

/** A repository of a source. */
export type SourceRepository = Pick<Reference, 'host' | 'path'>;

/** All source repositories that have this repository in ECR: several if `images.map` gives them one name. */
export function sourceRepositories(repository: string, naming: Naming): SourceRepository[] {
  const prefix = `${naming.project}/`;
  if (!repository.startsWith(prefix)) return [];
  return candidateSources(repository.slice(prefix.length), naming).flatMap(
    (source) => sourceNamed(source, repository, naming) ?? [],
  );
}

/** Source repositories that may have this name in ECR. */
function candidateSources(path: string, { map, project }: Naming): string[] {
  const mapped = Object.keys(map).filter((key) => map[key] === path || map[key] === `${project}/${path}`);
  const [host = '', ...rest] = path.split('/');
  const isHost = rest.length > 0 && /[._]|^localhost$/.test(host);
  return [
    ...new Set([
      ...(path === operatorName ? operatorRepositories : []),
      ...mapped,
      ...(isHost ? [`${host.replace('_', ':')}/${rest.join('/')}`] : []),
    ]),
  ];
}

/** The source repository, if its name in ECR is `inEcr`. */
function sourceNamed(text: string, inEcr: string, naming: Naming): SourceRepository | undefined {
  try {
    const { host, path } = parseReference(text);
    return ecrName({ host, path, tag: 'latest' }, naming).repository === inEcr ? { host, path } : undefined;
  } catch (error) {
    // For example, a first component that only looked like a host.
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}

/** `HOST/REPOSITORY:TAG`, or with `@` if the tag is a digest. */
export function ecrReference(host: string, { repository, tag }: EcrName): string {
  return `${host}/${repository}${tag.includes(':') ? '@' : ':'}${tag}`;
}

/**
 * The reference with which a workload pulls this source from ECR. It keeps a digest next to the tag: runtimes
 * pull by the digest, and the tag may point elsewhere.
 */
export function workloadReference(host: string, name: EcrName, { digest }: Reference): string {
  const reference = ecrReference(host, name);
  return digest === undefined || name.tag === digest ? reference : `${reference}@${digest}`;
}

function pathInProject(reference: Reference, { project, map }: Naming): string {
  const mapped = reference.host === probeHost ? undefined : mappedName(reference, map);
  // Users may copy the name from the ECR console, where it begins with the project.
  if (mapped !== undefined)
    return mapped.startsWith(`${project}/`) ? mapped.slice(project.length + 1) : mapped;
  if (isOperator(reference)) return operatorName;
  return repositoryOf(reference).replace(':', '_');
}

/** The name that `images.map` gives an image. */
export function mappedName(reference: Reference, map: Naming['map']): string | undefined {
  const wanted = repositoryOf(reference);
  for (const [key, name] of Object.entries(map)) {
    if (key === wanted || repositoryOf(canonical(parseReference(key))) === wanted) return name;
  }
  return undefined;
}

function whyInvalid(repository: string): string | undefined {
  if (repository.length < minLength || repository.length > maxLength) {
    return `ECR accepts names of ${minLength} to ${maxLength} characters; this one has ${repository.length}`;
  }
  if (!ecrGrammar.test(repository)) {
    return 'ECR accepts lowercase letters and digits, separated by a single . _ or - or by /';
  }
  return undefined;
}

function invalidName(reference: Reference, repository: string, why: string, { map }: Naming): BootstrapError {
  const source = repositoryOf(reference);
  const verb = mappedName(reference, map) === undefined ? 'Add' : 'Change';
  return new BootstrapError({
    code: 'repository-name-invalid',
    what: `could not name the ECR repository ${repository} for ${formatReference(reference)}`,
    why,
    hint: `${verb} this line under images.map in ecr-bootstrap.yaml: \`${yamlText(source)}: ${suggestedName(reference)}\``,
  });
}

/** Quotes references to an IPv6 address, because their `[` would begin a list in YAML. */
export const yamlText = (reference: string): string =>
  /^\w/.test(reference) ? reference : JSON.stringify(reference);

function suggestedName({ path }: Reference): string {
  const name = path.toLowerCase().replace(/[^a-z0-9/]+/g, '-');
  return name.length > 128 ? name.slice(name.lastIndexOf('/') + 1).slice(0, 64) : name;
}
