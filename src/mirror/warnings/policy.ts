import type { KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import type { Config } from '../../config/schema.ts';
import { withManagedLabel } from '../../cluster/objects.ts';
import { renderTemplate } from '../../cluster/templates.ts';
import { globPattern } from '../../core/globs.ts';
import { operatorNamespace, warningPolicyName } from '../../core/ownership.ts';
import { dockerHubNames } from '../../images/reference.ts';
import { alphabet, digestDigits, imageListLabel, partCount } from './lists.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';
const kinds = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'] as const;

export const warningPolicyKind = { apiVersion, kind: kinds[0] } as const;

/** The binding first: it is deleted first, and without it the policy has no effect. */
export const warningPolicyRefs: readonly ObjectRef[] = kinds
  .toReversed()
  .map((kind) => ({ apiVersion, kind, name: warningPolicyName }));

/** Warnings of one request. The API server returns about as many: 4,096 characters. */
const maxWarnings = 20;

/**
 * A reference with a host, as {@link parseReference} accepts it, except for lengths, ports and addresses. A regular
 * expression that counts is a hundred times slower.
 */
const grammar = (() => {
  const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
  const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
  const host = `(?:${label}(?:\\.${label})*|\\[[0-9A-Fa-f:]+\\])`;
  return `^${host}(?::[0-9]+)?/${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha(?:256|512):[0-9a-f]+)?$`;
})();

/** The beginning of a reference that names a host. */
const hostPart = '^([^/]*[.:A-Z][^/]*|localhost)/';

/** The images of a pod, or of the template of one. Untyped, because the kinds have different fields. */
const imagesInObject = (() => {
  const spec = [
    "request.resource.resource == 'pods' ? o.spec",
    "request.resource.resource == 'podtemplates' ? o.template.spec",
    "request.resource.resource == 'cronjobs' ? o.spec.jobTemplate.spec.template.spec",
    'has(o.spec.template) ? o.spec.template.spec',
    'dyn({})',
  ].join(' : ');
  const listOf = (field: string, image: string, condition: string): string =>
    `(has(s.${field}) ? s.${field}.filter(i, ${condition}).map(i, i.${image}) : [])`;
  const lists = [
    ...['containers', 'initContainers', 'ephemeralContainers'].map((field) =>
      listOf(field, 'image', 'has(i.image)'),
    ),
    listOf('volumes', 'image.reference', 'has(i.image) && has(i.image.reference)'),
  ];
  return `[dyn(object)].map(o, ${spec}).map(s, ${lists.join(' + ')})[0]`;
})();

/** Whether the list decides on the reference `r`: by its host, in lowercase. */
const isDecided = (() => {
  const host = `(r.matches('${hostPart}') ? r.substring(0, r.indexOf('/')).lowerAscii() : 'docker.io')`;
  const isIn = (key: string): string => `params.data.${key}.contains(' ' + ${host} + ' ')`;
  return `(has(params.data.HOSTS) ? ${isIn('HOSTS')} : has(params.data.EXCEPT) && !${isIn('EXCEPT')})`;
})();

/** The policy that warns, and its binding. */
export async function warningPolicyObjects({ images }: Config): Promise<readonly KubeObject[]> {
  const objects = await renderTemplate('image-warnings', {
    name: warningPolicyName,
    namespace: operatorNamespace,
    selector: imageListLabel,
    images: imagesInObject,
    isDecided,
    hostPart: JSON.stringify(hostPart),
    grammar: JSON.stringify(grammar),
    dockerHubNames: JSON.stringify([...dockerHubNames]),
    shortDigest: 'sha256:'.length + 64,
    longDigest: 'sha512:'.length + 128,
    alphabet: JSON.stringify(alphabet),
    partCount,
    digestStart: digestDigits.start,
    digestEnd: digestDigits.end,
    withoutExcluded: withoutExcluded(images.exclude),
    validations: Array.from({ length: maxWarnings }, (_, index) => validation(index)),
  });
  return objects.map(withManagedLabel);
}

/** Each missing image fails a validation of its own, because a validation has one message. */
const validation = (index: number): object => {
  const last = index === maxWarnings - 1;
  const text = `variables.messages[${index}]`;
  const more = "'more images are not in ECR; run: ecr-bootstrap images'";
  return {
    expression: `size(variables.reported) <= ${index}`,
    messageExpression: last ? `size(variables.reported) > ${maxWarnings} ? ${more} : ${text}` : text,
  };
};

/** Leaves out images that `images.exclude` matches. Its globs match the names that `excluding` compares too. */
function withoutExcluded(globs: readonly string[]): string {
  if (globs.length === 0) return '';
  const pattern = JSON.stringify(globs.map((glob) => globPattern(glob, { matchSlash: true })).join('|'));
  const names = ['reference', 'repository'].flatMap((field) => [`i.${field}`, shortName(`i.${field}`)]);
  return `.filter(i, ![${names.join(', ')}].exists(n, n.matches(${pattern})))`;
}

/** The same as `dockerShortName`. */
const shortName = (name: string): string =>
  `(${name}.matches('^docker[.]io/library/[^/]+$') ? ${name}.substring(18) : ${name}.startsWith('docker.io/') ? ${name}.substring(10) : ${name})`;
