import { BootstrapError } from '../core/errors.ts';
import { canonical, isOperator, operatorName, operatorRepository } from './operator.ts';
import { formatReference, parseReference, type Reference, repositoryOf } from './reference.ts';

/** How sources become names in the ECR. */
export interface Naming {
  readonly project: string;
  /** Source repository to repository inside the project: `docker.io/library/nginx` to `web/nginx`. */
  readonly map: Readonly<Record<string, string>>;
}

/** Where an image lives in the ECR, without the host. */
export interface EcrName {
  readonly repository: string;
  /** For a source given by digest only, the digest. */
  readonly tag: string;
}

/** ECR's documentation allows fewer names than its service model: no two separators in a row. */
export const ecrComponent = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
/** Grammar and length of ECR's CreateRepository. */
const ecrGrammar = new RegExp(`^${ecrComponent}(?:/${ecrComponent})*$`);
const minLength = 2;
const maxLength = 256;

/**
 * The name of a source in the ECR. The host stays part of it, so that equal paths of two registries do not meet.
 * @throws BootstrapError `repository-name-invalid` with the `images.map` line to write as its hint
 */
export function ecrName(source: Reference, naming: Naming): EcrName {
  const reference = canonical(source);
  const repository = `${naming.project}/${pathInProject(reference, naming)}`;
  const why = refusal(repository);
  if (why !== undefined) throw refused(reference, repository, why, naming);
  return { repository, tag: reference.tag ?? reference.digest ?? 'latest' };
}

/**
 * The source of an image that is named as the ECR has it: the opposite of {@link ecrName}. Undefined when no source
 * would get that name, as for images that somebody pushed there himself.
 */
export function sourceOf(inEcr: Reference, naming: Naming): Reference | undefined {
  const prefix = `${naming.project}/`;
  if (!inEcr.path.startsWith(prefix)) return undefined;
  const path = inEcr.path.slice(prefix.length);
  return candidates(path, naming)
    .map((repository) => sourceNamed(repository, inEcr, naming))
    .find((source) => source !== undefined);
}

/** Repositories at sources whose name in the ECR might be this. */
function candidates(path: string, { map, project }: Naming): string[] {
  const mapped = Object.keys(map).filter((key) => map[key] === path || map[key] === `${project}/${path}`);
  const [host = '', ...rest] = path.split('/');
  const isHost = rest.length > 0 && /[._]|^localhost$/.test(host);
  return [
    ...(path === operatorName ? [operatorRepository] : []),
    ...mapped,
    ...(isHost ? [`${host.replace('_', ':')}/${rest.join('/')}`] : []),
  ];
}

/** That repository's image of the same version, if this is really what it is called in the ECR. */
function sourceNamed(repository: string, inEcr: Reference, naming: Naming): Reference | undefined {
  try {
    const { host, path } = parseReference(repository);
    const source = { ...inEcr, host, path };
    return ecrName(source, naming).repository === inEcr.path ? source : undefined;
  } catch (error) {
    // What only looked like a host, for example.
    if (error instanceof BootstrapError) return undefined;
    throw error;
  }
}

/** `HOST/REPOSITORY:TAG`, or with `@` when the tag is a digest. */
export function ecrReference(host: string, { repository, tag }: EcrName): string {
  return `${host}/${repository}${tag.includes(':') ? '@' : ':'}${tag}`;
}

/**
 * What a workload names to get this source from the ECR. A digest beside the tag stays: runtimes pull by it, and the tag
 * may hold something else.
 */
export function workloadReference(host: string, name: EcrName, { digest }: Reference): string {
  const reference = ecrReference(host, name);
  return digest === undefined || name.tag === digest ? reference : `${reference}@${digest}`;
}

function pathInProject(reference: Reference, { project, map }: Naming): string {
  const mapped = mappedName(reference, map);
  // Also taken as ECR's console shows it, with the project in front.
  if (mapped !== undefined)
    return mapped.startsWith(`${project}/`) ? mapped.slice(project.length + 1) : mapped;
  if (isOperator(reference)) return operatorName;
  return repositoryOf(reference).replace(':', '_');
}

function mappedName(reference: Reference, map: Naming['map']): string | undefined {
  const wanted = repositoryOf(reference);
  for (const [key, name] of Object.entries(map)) {
    if (key === wanted || repositoryOf(canonical(parseReference(key))) === wanted) return name;
  }
  return undefined;
}

function refusal(repository: string): string | undefined {
  if (repository.length < minLength || repository.length > maxLength) {
    return `ECR takes names of ${minLength} to ${maxLength} characters, this one has ${repository.length}`;
  }
  if (!ecrGrammar.test(repository)) {
    return 'ECR takes lower-case letters and digits, parted by a single . _ or - or by /';
  }
  return undefined;
}

function refused(reference: Reference, repository: string, why: string, { map }: Naming): BootstrapError {
  const source = repositoryOf(reference);
  const verb = mappedName(reference, map) === undefined ? 'Add' : 'Change';
  return new BootstrapError({
    code: 'repository-name-invalid',
    what: `ECR repository ${repository} for ${formatReference(reference)}`,
    why,
    hint: `${verb} this line under images.map in ecr-bootstrap.yaml: \`${yamlText(source)}: ${suggestion(reference)}\``,
  });
}

/** A host that is an IPv6 address starts with `[`, which begins a list in YAML. */
export const yamlText = (reference: string): string =>
  /^\w/.test(reference) ? reference : JSON.stringify(reference);

function suggestion({ path }: Reference): string {
  const name = path.toLowerCase().replace(/[^a-z0-9/]+/g, '-');
  return name.length > 128 ? name.slice(name.lastIndexOf('/') + 1).slice(0, 64) : name;
}
