import type { AccessQuestion } from '../cluster/port.ts';
import { BootstrapError } from '../errors/index.ts';
import { needsOf } from './choose.ts';
import { leaseRule } from './lease.ts';
import type { AnyStep, ClusterRule, Context } from '../steps/context.ts';

/** The rules of several steps and of the lease as one list: a group and resource once, with all verbs. */
export function mergeRules(rules: readonly ClusterRule[]): ClusterRule[] {
  const verbs = new Map<string, Set<string>>();
  for (const { apiGroups, resources, verbs: wanted } of [leaseRule, ...rules]) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const key = `${group}/${resource}`;
        verbs.set(key, new Set([...(verbs.get(key) ?? []), ...wanted]));
      }
    }
  }
  return [...verbs].sort(byKey).map(([key, wanted]) => {
    const slash = key.indexOf('/');
    return { apiGroups: [key.slice(0, slash)], resources: [key.slice(slash + 1)], verbs: [...wanted].sort() };
  });
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => a.localeCompare(b);

/**
 * Asks the API server whether we may do what the steps need.
 * @throws BootstrapError `cluster-denied` with the first rights that are missing
 */
export async function refuseMissingRights(ctx: Context, steps: readonly AnyStep[]): Promise<void> {
  if (!needsOf(steps).has('cluster')) return;
  const rules = mergeRules(steps.flatMap((step) => step.rights ?? []));
  if (await ctx.cluster.allowed({ verb: '*', group: '*', resource: '*' })) return;
  const questions = rules.flatMap(questionsOf);
  const answers = await Promise.all(questions.map((question) => ctx.cluster.allowed(question)));
  const missing = questions.filter((_, index) => !answers[index]);
  if (missing.length === 0) return;
  const told = missing
    .slice(0, 3)
    .map(({ verb, group, resource }) => `${verb} ${resource}${group && `.${group}`}`);
  const rest = missing.length > told.length ? ` and ${missing.length - told.length} more` : '';
  throw new BootstrapError({
    code: 'cluster-denied',
    what: 'check the rights in the cluster',
    why: `this kubeconfig's user may not ${told.join(', ')}${rest}`,
    hint: 'Ask an administrator to bind the ClusterRole that `ecr-bootstrap policy cluster` prints.',
  });
}

const questionsOf = ({ apiGroups, resources, verbs }: ClusterRule): AccessQuestion[] =>
  apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource }))),
  );
