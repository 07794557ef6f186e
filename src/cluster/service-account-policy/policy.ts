import type { ClusterPort, KubeObject, ObjectRef } from '../../clients/kubernetes/port.ts';
import { globPattern } from '../../core/globs.ts';
import { renderTemplate } from '../templates.ts';
import type { ClusterContext } from '../context.ts';
import { observeCoverage } from '../coverage.ts';
import { withManagedLabel } from '../objects.ts';
import { ignoreLabel } from '../../core/ownership.ts';

const group = 'admissionregistration.k8s.io';
const kinds = ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'] as const;

export const policyName = 'ecr-bootstrap-pull-secret';

/** `v1` from Kubernetes 1.36 on, before it `v1beta1` with a feature gate; undefined when neither is served. */
export async function servedVersion(cluster: ClusterPort): Promise<string | undefined> {
  for (const version of ['v1', 'v1beta1']) {
    if (await cluster.serves({ apiVersion: `${group}/${version}`, kind: kinds[0] })) return version;
  }
  return undefined;
}

/** The binding first: it is deleted first, and without it the policy has no effect. */
export const policyRefs = (version: string): readonly ObjectRef[] =>
  kinds.toReversed().map((kind) => ({ apiVersion: `${group}/${version}`, kind, name: policyName }));

export async function policyObjects(ctx: ClusterContext, version: string): Promise<readonly KubeObject[]> {
  const { config } = ctx;
  const { unmanaged } = await observeCoverage(ctx);
  const notIgnored = { key: ignoreLabel, operator: 'NotIn', values: ['true'] };
  const untouched = unmanaged.map(({ namespace }) => namespace).sort();
  const objects = await renderTemplate('service-accounts', {
    version,
    pullSecret: config.pullSecret.name,
    namespaceSelector: { matchExpressions: [notIgnored] },
    objectSelector: { matchExpressions: [notIgnored] },
    matchConditions: [
      { name: 'lacks-the-pull-secret', expression: lacks(config.pullSecret.name) },
      ...excluding('namespace-is-covered', 'request.namespace', [...config.namespaces.exclude, ...untouched]),
      ...excluding(
        'service-account-is-covered',
        'request.namespace + "/" + object.metadata.name',
        config.serviceAccounts.exclude,
      ),
    ],
  });
  return objects.map(withManagedLabel);
}

interface MatchCondition {
  readonly name: string;
  /** CEL. */
  readonly expression: string;
}

const lacks = (pullSecret: string): string =>
  `!has(object.imagePullSecrets) || !object.imagePullSecrets.exists(s, has(s.name) && s.name == ${JSON.stringify(pullSecret)})`;

/** A condition that is true when none of the globs matches. CEL uses RE2. */
function excluding(condition: string, subject: string, globs: readonly string[]): MatchCondition[] {
  if (globs.length === 0) return [];
  const pattern = globs.map((glob) => globPattern(glob)).join('|');
  return [{ name: condition, expression: `!(${subject}).matches(${JSON.stringify(pattern)})` }];
}
