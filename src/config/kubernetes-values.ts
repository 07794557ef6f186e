import { z } from 'zod';
import { parseFieldPath } from '../core/field-path.ts';

/** RFC 1123: `[a-z0-9]` at both ends, hyphens between. */
const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${label}(?:\\.${label})*$`);

/** The grammar for the names of most objects. */
export const objectName = z
  .string()
  .regex(
    subdomain,
    'is not a name that Kubernetes accepts: lower-case letters, digits, - and . with a letter or digit at both ends, for example puller',
  )
  .max(253);

/** The name of a CRD. */
export const customResource = z
  .string()
  .regex(
    new RegExp(`^${label}(?:\\.${label})+$`),
    'is not the name of a CRD, for example prometheuses.monitoring.coreos.com',
  )
  .max(253);

export const fieldPath = z.string().refine((text) => parseFieldPath(text) !== undefined, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a path of fields, for example .spec.image or .spec.containers[*].image`,
});

/**
 * A glob with `*` and `?`. Other special characters are refused: they never match, and globs become part of an
 * admission policy.
 */
export const namespaceGlob = z
  .string()
  .regex(
    /^[a-z0-9*?-]+$/,
    'is not a glob of namespaces: lower-case letters, digits and -, with * and ?, for example kube-*',
  )
  .max(63);

export const serviceAccountGlob = z
  .string()
  .regex(
    /^[a-z0-9*?-]{1,63}\/[a-z0-9.*?-]{1,253}$/,
    'is not a glob NAMESPACE/NAME: lower-case letters, digits, - and ., with * and ?, for example ci/*',
  );

/** Keys of labels, taints and resources: an optional DNS prefix, then at most 63 characters. */
const namePart = /^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;

function isQualifiedName(text: string): boolean {
  const [name = '', prefix, ...rest] = text.split('/').reverse();
  if (rest.length > 0 || !namePart.test(name)) return false;
  return prefix === undefined || (subdomain.test(prefix) && prefix.length <= 253);
}

const qualifiedName = z.string().refine(isQualifiedName, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a key that Kubernetes accepts, for example kubernetes.io/os`,
});

const labelValue = z
  .string()
  .max(63)
  .regex(
    /^([A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?)?$/,
    'is not a label value that Kubernetes accepts: letters, digits, - _ and ., for example linux',
  );

export const nodeSelector = z.record(qualifiedName, labelValue);

const toleration = z
  .strictObject({
    key: qualifiedName.optional(),
    operator: z.enum(['Exists', 'Equal']).optional(),
    value: labelValue.optional(),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
    tolerationSeconds: z.number().int().optional(),
  })
  .refine(({ key, operator }) => key !== undefined || operator === 'Exists', {
    error: 'has no key, which needs `operator: Exists`',
  })
  .refine(({ operator, value }) => operator !== 'Exists' || !value, {
    error: 'has a value, which `operator: Exists` does not allow',
  })
  .refine(({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute', {
    error: 'has tolerationSeconds, which needs `effect: NoExecute`',
  });

export const tolerations = z.array(toleration);

/** Numbers with a suffix: `500m`, `1.5`, `512Mi`, `1e3`. A container cannot request a negative amount. */
const quantity = z.union([
  z.number().nonnegative(),
  z
    .string()
    .regex(
      /^\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/,
      'is not a quantity that Kubernetes accepts, for example 500m or 512Mi',
    ),
]);

const quantities = z.record(qualifiedName, quantity);

export const resources = z.strictObject({
  limits: quantities.optional().describe('Resource limits, for example `memory: 256Mi`.'),
  requests: quantities.optional().describe('Resource requests, for example `cpu: 10m`.'),
});

/** The environment variables of containers. */
export const environment = z.record(
  z
    .string()
    .regex(
      /^(?!\.$)(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*$/,
      'is not the name of an environment variable, for example HTTPS_PROXY',
    ),
  z.string().regex(/^[\P{Cc}\n\t]*$/u, 'has a control character'),
);
