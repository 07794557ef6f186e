import { type Finding, finding } from '../../core/findings.ts';
import type { Step } from '../../core/step.ts';
import type { ClusterContext } from '../context.ts';
import { observeCoverage } from '../coverage.ts';
import { listed } from '../pull-secret-users.ts';

interface Uncovered<State> {
  /** Of the step itself. */
  readonly state: State;
  /** Covered namespaces that have no pull secret. */
  readonly namespaces: readonly string[];
}

/**
 * A step that makes service accounts name the pull secret, in a run that does not create it in their namespaces.
 * Kubernetes ignores the name of a secret that does not exist, so this breaks nothing that works.
 * @param creating the ID of the step that is left out
 */
export function withoutCopies<State, Ctx extends ClusterContext>(
  step: Step<State, Ctx>,
  creating: string,
): Step<Uncovered<State>, Ctx> {
  return {
    id: step.id,
    title: step.title,
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
      return { changes, findings: [...findings, uncovered(namespaces, name, creating)] };
    },
    apply: (changes, { state }, run) => step.apply(changes, state, run),
    ready: async ({ state }, run) => step.ready?.(state, run),
  };
}

async function uncoveredNamespaces(ctx: ClusterContext): Promise<string[]> {
  const [{ covered }, secrets] = await Promise.all([observeCoverage(ctx), ctx.inventory.pullSecrets()]);
  const served = new Set(secrets.map(({ metadata }) => metadata.namespace));
  return covered.map(({ name }) => name).filter((name) => !served.has(name));
}

const uncovered = (namespaces: readonly string[], pullSecret: string, step: string): Finding =>
  finding('namespace-uncovered', {
    level: 'warning',
    target: { kind: 'step', name: step },
    what: `pull secret ${pullSecret} is missing in ${listed(namespaces)}`,
    why: `this run leaves out the step ${step}, which creates it; pods there cannot pull from this ECR until then`,
    hint: 'Run `ecr-bootstrap up` without --only and --skip.',
  });
