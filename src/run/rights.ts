import type { AccessQuestion } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';
import { needsOf } from './select-steps.ts';
import { leaseRights } from './lease.ts';
import { namesOf } from '../external-secrets/object-names.ts';
import type { ClusterRule } from '../core/step.ts';
import type { AnyStep, Context } from '../steps/context.ts';

/**
 * Merges the rules of several steps by group and resource. A verb is restricted to names if the API authorizes
 * it by name and the names are known.
 */
export function mergeRules(rules: readonly ClusterRule[], config: Config): ClusterRule[] {
  const verbs = new Map<string, Set<string>>();
  for (const { apiGroups, resources, verbs: wanted } of rules) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const key = `${group}/${resource}`;
        verbs.set(key, new Set([...(verbs.get(key) ?? []), ...wanted]));
      }
    }
  }
  return [...verbs].sort(byKey).flatMap(([key, wanted]) => {
    const slash = key.indexOf('/');
    const [group, resource] = [key.slice(0, slash), key.slice(slash + 1)];
    const named = new Map<string, string[]>();
    for (const verb of [...wanted].sort()) {
      const names = namesOf(config, group === '' ? resource : `${resource}.${group}`, verb) ?? [];
      const list = names.join(' ');
      named.set(list, [...(named.get(list) ?? []), verb]);
    }
    return [...named].map(([names, some]) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: some,
      ...(names === '' ? {} : { resourceNames: names.split(' ') }),
    }));
  });
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => a.localeCompare(b);

/**
 * Checks with the API server every permission that the steps need. Two requests list what the user may do. Only what
 * they do not show takes a request of its own.
 * @throws BootstrapError `cluster-denied` with the first missing permissions
 */
export async function refuseMissingRights(ctx: Context, steps: readonly AnyStep[]): Promise<void> {
  if (!needsOf(steps).has('cluster')) return;
  const rules = mergeRules(
    steps.flatMap((step) => step.rights ?? []),
    ctx.config,
  );
  const { namespace, rules: leaseRules } = leaseRights;
  const [everywhere, inNamespace] = await Promise.all([
    ctx.cluster.rules(noNamespace),
    ctx.cluster.rules(namespace),
  ]);
  const unanswered = [
    ...rules.flatMap(questionsOf).filter((question) => !isGranted(question, everywhere)),
    ...leaseRules
      .flatMap(questionsOf)
      .filter((question) => !isGranted(question, inNamespace))
      .map((question) => ({ ...question, namespace })),
  ];
  // The server decides what its list of rules does not show.
  const answers = await Promise.all(unanswered.map((question) => ctx.cluster.allowed(question)));
  const missing = unanswered.filter((_, index) => !answers[index]);
  if (missing.length === 0) return;
  const shown = missing
    .slice(0, 3)
    .map(({ verb, group, resource, name }) =>
      [verb, `${resource}${group && `.${group}`}`, ...(name === undefined ? [] : [name])].join(' '),
    );
  const rest = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : '';
  throw new BootstrapError({
    code: 'cluster-denied',
    what: 'could not start: permissions are missing in the cluster',
    why: `the kubeconfig's user may not ${shown.join(', ')}${rest}`,
    hint: 'Ask an administrator to apply the output of: ecr-bootstrap policy cluster --user NAME',
  });
}

/** A namespace that does not exist: no RoleBinding adds rules that are valid only there. */
const noNamespace = 'ecr-bootstrap-no-namespace';

function isGranted(
  { verb, group, resource, name }: AccessQuestion,
  rules: readonly ClusterRule[] = [],
): boolean {
  const has = (allowed: readonly string[], wanted: string): boolean =>
    allowed.includes('*') || allowed.includes(wanted);
  return rules.some(
    ({ verbs, apiGroups, resources, resourceNames = [] }) =>
      has(verbs, verb) &&
      has(apiGroups, group) &&
      has(resources, resource) &&
      (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name))),
  );
}

const questionsOf = ({ apiGroups, resources, verbs, resourceNames }: ClusterRule): AccessQuestion[] =>
  apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb): AccessQuestion[] =>
        resourceNames === undefined
          ? [{ verb, group, resource }]
          : resourceNames.map((name) => ({ verb, group, resource, name })),
      ),
    ),
  );
