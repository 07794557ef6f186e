import { type Finding, finding } from '../../core/findings.ts';
import type { Change, Step } from '../../core/step.ts';
import type { ClusterContext } from '../context.ts';
import { observeCoverage } from '../coverage.ts';
import { joinNames } from '../pull-secret-users.ts';

interface WithUncovered<State> {
  readonly state: State;
  /** Covered namespaces without a pull secret. */
  readonly namespaces: readonly string[];
}

/**
 * Wraps a step that lists the pull secret in service accounts, for a run that does not create the copies: adds a warning.
 * The step still runs, because Kubernetes ignores a pull secret that does not exist.
 * @param skipped the ID of the step that creates the copies
 */
export function withoutCopies<State, Ctx extends ClusterContext, C extends Change>(
  step: Step<State, Ctx, C>,
  skipped: string,
): Step<WithUncovered<State>, Ctx, C> {
  return {
    id: step.id,
    title: step.title,
    group: step.group,
    needs: step.needs,
    ...(step.rights ? { rights: step.rights } : {}),
    observe: async (ctx) => {
      const [state, namespaces] = await Promise.all([step.observe(ctx), uncoveredNamespaces(ctx)]);
      return { state, namespaces };
    },
    diff: ({ state, namespaces }, ctx) => {
      const { changes, findings } = step.diff(state, ctx);
      if (changes.length === 0 || namespaces.length === 0) return { changes, findings };
      const { name } = ctx.config.pullSecret;
      return { changes, findings: [...findings, uncovered(namespaces, name, skipped)] };
    },
    apply: (changes, { state }, run) => step.apply(changes, state, run),
    ready: async ({ state }, run) => step.ready?.(state, run),
  };
}

async function uncoveredNamespaces(ctx: ClusterContext): Promise<string[]> {
  const [{ covered }, secrets] = await Promise.all([observeCoverage(ctx), ctx.inventory.pullSecrets()]);
  const namespaces = new Set(secrets.map(({ metadata }) => metadata.namespace));
  return covered.map(({ name }) => name).filter((name) => !namespaces.has(name));
}

const uncovered = (namespaces: readonly string[], pullSecret: string, step: string): Finding =>
  finding('namespace-uncovered', {
    level: 'warning',
    target: { kind: 'step', name: step },
    what: `pull secret ${pullSecret} is missing in ${joinNames(namespaces)}`,
    why: `this run skips step ${step}, which creates it; until it runs, pods there cannot pull from ECR`,
    hint: 'Run `ecr-bootstrap up` without --only and --skip.',
  });
