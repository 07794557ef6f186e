import type { KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import { waitFor } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { isFannedOut } from '../coverage.ts';
import { managedByLabel, manager, operatorNamespace } from '../ownership.ts';
import { isIncurable } from '../sync.ts';
import { observeCopies, whyNotServing } from './copies.ts';

/** Milliseconds without progress; the operator serves a thousand namespaces in one to three minutes. */
const deadline = 180_000;
const externalSecret = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret' } as const;
const hint = 'ecr-bootstrap status names every namespace; the next ecr-bootstrap up goes on.';

/**
 * Waits until no ExternalSecret of the fan-out is left, for the operator's webhook has to be there while they go, and
 * no Secret that one of them made: Kubernetes collects these afterwards, and only while the owner's kind is defined.
 */
export async function waitUntilGone({ ctx, signal, emit }: Run): Promise<void> {
  const { name } = ctx.config.pullSecret;
  const untilNone = async (what: string, list: () => Promise<readonly KubeObject[]>): Promise<void> => {
    const wait = { what, clock: ctx.clock, signal, emit, deadline, every: 500, hint };
    await waitFor(wait, async (pending) => {
      const { length, 0: first } = await list();
      if (!first) return true;
      const why = `${length} are left, one in ${first.metadata.namespace ?? ''}`;
      return pending(why, { left: length, of: length });
    });
  };
  await untilNone("the namespaces' ExternalSecrets to be gone", async () =>
    (await ctx.cluster.list(externalSecret)).filter((object) => isFannedOut(object, name)),
  );
  await untilNone("the namespaces' pull secrets to be gone", async () =>
    (await ctx.fresh().inventory.pullSecrets()).filter(isCopy),
  );
}

const isCopy = ({ metadata: { namespace, labels, ownerReferences = [] } }: KubeObject): boolean =>
  namespace !== operatorNamespace &&
  labels?.[managedByLabel] === manager &&
  ownerReferences.some(({ kind }) => kind === externalSecret.kind);

/** Waits until every covered namespace has a valid token that the operator put there. */
export async function waitForCopies({ ctx, signal, emit }: Run): Promise<void> {
  const what = 'the pull secret in every namespace';
  await waitFor({ what, clock: ctx.clock, signal, emit, deadline, hint }, async (pending) => {
    const { copies } = await observeCopies(ctx.fresh());
    const missing = copies.flatMap((copy) => {
      const why = whyNotServing(copy, ctx.clock.now());
      return why === undefined ? [] : [{ namespace: copy.namespace, why }];
    });
    const [first] = missing;
    if (!first) return true;
    const hopeless = missing.find(({ why }) => isIncurable(why));
    if (hopeless) {
      throw new BootstrapError({
        code: 'not-ready',
        what: `wait for the pull secret in namespace ${hopeless.namespace}`,
        why: hopeless.why,
        hint: `Remove what stands in the way, or add ${hopeless.namespace} to namespaces.exclude.`,
      });
    }
    const why = `${missing.length} of ${copies.length} lack it, ${first.namespace}: ${first.why}`;
    return pending(why, { left: missing.length, of: copies.length });
  });
}
