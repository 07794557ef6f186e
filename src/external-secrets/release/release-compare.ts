import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { sha256 } from '../../core/sha256.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * How an object differs from the one in the release, for the error message. Every field counts, except descriptive ones
 * and those that patches replace: the registry of the image, and the service of the conversion webhooks. A role may grant
 * less than in the release.
 */
export function differences(released: KubeObject, found: KubeObject): string[] {
  const [want, have] = [comparable(released, (digest) => digest), comparable(found, schemaDigest)];
  const texts = [
    ...fieldDifferences(fieldsOf(want), fieldsOf(have), ''),
    ...(isRole(found) ? excessRights(released, found) : []),
  ];
  return texts.map((text) => `${found.kind} ${found.metadata.name} ${text}`);
}

const isRole = ({ kind }: KubeObject): boolean => kind === 'Role' || kind === 'ClusterRole';

/** Labels and annotations without effect. In any other place, for example in a selector, the same keys count. */
const descriptive = new Set([
  'helm.sh/chart',
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
  'controller-gen.kubebuilder.io/version',
]);

/** Replaces the schema of a CRD version. */
type Digest = (schema: unknown) => unknown;

function comparable(object: KubeObject, digest: Digest): unknown {
  const { rules, ...withoutRules } = object;
  if (isRole(object)) return withoutEmpty(withoutRules);
  return withoutEmpty(object.kind === 'CustomResourceDefinition' ? comparableCrd(object, digest) : object);
}

function comparableCrd(crd: KubeObject, digest: Digest): Fields {
  const spec = fieldsOf(crd['spec']);
  const { versions } = spec;
  const conversion = fieldsOf(spec['conversion']);
  const webhook = fieldsOf(conversion['webhook']);
  const client = fieldsOf(webhook['clientConfig']);
  const { name, namespace, ...service } = fieldsOf(client['service']);
  const clientConfig = { ...client, service };
  return {
    ...crd,
    spec: {
      ...spec,
      versions: Array.isArray(versions)
        ? versions.map((version) => comparableVersion(version, digest))
        : versions,
      conversion: { ...conversion, webhook: { ...webhook, clientConfig } },
    },
  };
}

function comparableVersion(version: unknown, digest: Digest): Fields {
  const { additionalPrinterColumns, schema, ...rest } = fieldsOf(version);
  return { ...rest, schema: digest(schema) };
}

/** A schema that accepts everything and defaults nothing. */
const openSchema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };

/** The checksum of the schema of a CRD version, without descriptions. */
function schemaDigest(schema: unknown): string {
  return isDeepStrictEqual(schema, openSchema) ? 'open' : sha256(withoutDescriptions(schema ?? null));
}

/** JSON with sorted keys. A property may be named `description` too; its value is not a string. */
function withoutDescriptions(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(withoutDescriptions).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Fields;
  const keys = Object.keys(fields).filter((key) => key !== 'description' || typeof fields[key] !== 'string');
  const members = keys.sort().map((key) => `${JSON.stringify(key)}:${withoutDescriptions(fields[key])}`);
  return `{${members.join(',')}}`;
}

/** YAML has several ways to omit a value; this removes all of them. */
function withoutEmpty(value: unknown, path = ''): unknown {
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((item) => withoutEmpty(item, path) ?? null);
  }
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const describes = /\.metadata\.(labels|annotations)$/.test(path);
  const kept = Object.entries(value)
    .filter(([key]) => !(describes && descriptive.has(key)))
    .map(([key, member]) => [key, withoutEmpty(member, `${path}.${key}`)] as const)
    .filter(([, member]) => member !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function fieldDifferences(want: Fields, have: Fields, parent: string): string[] {
  return [...new Set([...Object.keys(want), ...Object.keys(have)])].flatMap((key) => {
    const path = parent + key;
    const [wanted, found] = [want[key], have[key]];
    if (isSame(path, wanted, found)) return [];
    if (found === undefined) return [`has no ${path}`];
    if (isComposite(wanted) && isComposite(found) && Array.isArray(wanted) === Array.isArray(found)) {
      return fieldDifferences(fieldsOf(wanted), fieldsOf(found), `${path}.`);
    }
    return [`has ${path} ${shown(found)}`];
  });
}

const operatorImage = /(^|\/)external-secrets\/external-secrets:v0\.12\.1$/;

function isSame(path: string, wanted: unknown, found: unknown): boolean {
  if (isDeepStrictEqual(wanted, found)) return true;
  if (/^spec\.versions\.\d+\.schema$/.test(path)) return found === 'open';
  const isImage = /^spec\.template\.spec\.containers\.\d+\.image$/.test(path) && wanted !== undefined;
  return isImage && typeof found === 'string' && operatorImage.test(found);
}

const isComposite = (value: unknown): boolean => typeof value === 'object' && value !== null;

const fieldsOf = (value: unknown): Fields => (isComposite(value) ? { ...(value as object) } : {});

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function excessRights(released: KubeObject, found: KubeObject): string[] {
  const invalid = isListOrNone(found['rules'])
    ? listOf(found['rules']).filter((rule) => !isRule(rule))
    : [found['rules']];
  if (invalid.length > 0) return invalid.map((rule) => `has rules ${shown(rule)}`);
  const granted = new Set(rightsOf(released));
  return rightsOf(found)
    .filter((right) => !granted.has(right))
    .map((right) => `allows ${right}`);
}

const fieldsOfRules = ['apiGroups', 'resources', 'verbs', 'resourceNames', 'nonResourceURLs'];

/** Only rules with lists of strings can be compared. */
const isRule = (rule: unknown): boolean =>
  isComposite(rule) &&
  Object.entries(rule as Fields).every(
    ([key, value]) =>
      fieldsOfRules.includes(key) &&
      isListOrNone(value) &&
      listOf(value).every((item) => typeof item === 'string'),
  );

const isListOrNone = (value: unknown): boolean =>
  value === undefined || value === null || Array.isArray(value);

const rightsOf = (role: KubeObject): string[] => listOf(role['rules']).flatMap(rightsIn);

/** One text for each permission of a rule, to compare and print. */
function rightsIn(rule: unknown): string[] {
  const { apiGroups, resources, verbs, resourceNames, nonResourceURLs } = fieldsOf(rule);
  const names = listOf(resourceNames);
  const resourcesAndUrls = [
    ...listOf(apiGroups).flatMap((group) =>
      listOf(resources).map((name) => (group === '' ? String(name) : `${String(name)}.${String(group)}`)),
    ),
    ...listOf(nonResourceURLs).map(String),
  ];
  return listOf(verbs).flatMap((verb) =>
    resourcesAndUrls.flatMap((resource) =>
      (names.length === 0 ? [''] : names).map((name) => `${String(verb)} ${resource} ${String(name)}`.trim()),
    ),
  );
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
