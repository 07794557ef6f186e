import type { Kind } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { closestWord } from '../../core/suggestion.ts';
import { parseReference, type Reference } from '../../images/reference.ts';

/** A type of objects that names images, or the node that pulls them. */
export interface SubjectType extends Kind {
  /** Singular, plural and short names, as kubectl accepts them. */
  readonly names: readonly [singular: string, ...others: string[]];
}

const apps = (kind: string, ...names: SubjectType['names']): SubjectType => ({
  apiVersion: 'apps/v1',
  kind,
  names,
});

export const subjectTypes: readonly SubjectType[] = [
  { apiVersion: 'v1', kind: 'Pod', names: ['pod', 'pods', 'po'] },
  apps('Deployment', 'deployment', 'deployments', 'deploy'),
  apps('StatefulSet', 'statefulset', 'statefulsets', 'sts'),
  apps('DaemonSet', 'daemonset', 'daemonsets', 'ds'),
  apps('ReplicaSet', 'replicaset', 'replicasets', 'rs'),
  { apiVersion: 'batch/v1', kind: 'Job', names: ['job', 'jobs'] },
  { apiVersion: 'batch/v1', kind: 'CronJob', names: ['cronjob', 'cronjobs', 'cj'] },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    names: ['replicationcontroller', 'replicationcontrollers', 'rc'],
  },
  { apiVersion: 'v1', kind: 'PodTemplate', names: ['podtemplate', 'podtemplates'] },
  { apiVersion: 'v1', kind: 'Node', names: ['node', 'nodes', 'no'] },
];

/** What the command is asked about. */
export type Subject =
  | { readonly type: SubjectType; readonly name: string }
  | { readonly image: string; readonly reference: Reference };

/** Grammar of names in Kubernetes: RFC 1123. */
const objectName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/**
 * Reads `TYPE/NAME`, `TYPE NAME` or `IMAGE`. A text that begins with a type and a slash is an object, although an image
 * can have that name too.
 * @throws BootstrapError `usage` for anything else
 */
export function parseSubject([first = '', second, ...rest]: readonly string[]): Subject {
  if (rest.length > 0) throw usage('it takes one object or image at a time');
  if (second !== undefined) return objectOf(first, second);
  const [, typeName = '', name = ''] = /^([^/]+)\/(.*)$/s.exec(first) ?? [];
  if (typeNamed(typeName) && !/[/:@]/.test(name)) return objectOf(typeName, name);
  if (typeNamed(first)) throw usage(`${first} needs a name`, `For example: ecr-bootstrap why ${first}/NAME`);
  return { image: first, reference: parseReference(first) };
}

function objectOf(typeName: string, name: string): Subject {
  const type = typeNamed(typeName);
  if (!type) throw unknownType(typeName);
  if (objectName.test(name)) return { type, name };
  throw usage(`"${name}" is not the name of an object`, `For example: ecr-bootstrap why ${typeName}/NAME`);
}

/** `deployments.apps` and `deployments.v1.apps` have the group and the version, as kubectl prints them. */
function typeNamed(text: string): SubjectType | undefined {
  const [word = '', ...suffix] = text.toLowerCase().split('.');
  return subjectTypes.find(({ names, apiVersion }) => {
    const [group = '', version = ''] = apiVersion.split('/');
    const suffixes = apiVersion.includes('/') ? ['', group, `${version}.${group}`] : [''];
    return names.includes(word) && suffixes.includes(suffix.join('.'));
  });
}

function unknownType(typeName: string): BootstrapError {
  const near = closestType(typeName);
  const types = subjectTypes.map(({ names: [singular] }) => singular).join(', ');
  return usage(
    `there is no type ${typeName}`,
    `${near === undefined ? '' : `Did you mean ${near}? `}The types are: ${types}.`,
  );
}

export const closestType = (word: string): string | undefined =>
  closestWord(
    word,
    subjectTypes.flatMap(({ names }) => names),
  );

const usage = (
  why: string,
  hint = 'For example: ecr-bootstrap why deployment/web -n shop, or: ecr-bootstrap why nginx:1.28',
): BootstrapError =>
  new BootstrapError({ code: 'usage', what: 'could not read the command line', why, hint });
