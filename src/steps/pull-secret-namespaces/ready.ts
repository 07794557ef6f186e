import type { KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import { waitFor } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { isFannedOut } from '../coverage.ts';
import { managedByLabel, manager, operatorNamespace } from '../ownership.ts';
import { isIncurable } from '../sync.ts';
import { observeCopies, whyNotServing } from './copies.ts';

/** Milliseconds; the operator serves a namespace in a second, a thousand of them in about a minute. */
const deadline = 180_000;
const externalSecret = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret' } as const;
const hint = 'ecr-bootstrap status names every namespace; the next ecr-bootstrap up goes on.';

/**
 * Waits until no ExternalSecret of the fan-out is left, for the operator's webhook has to be there while they go, and
 * no Secret that one of them made: Kubernetes collects these afterwards, and only while the owner's kind is defined.
 */
export async function waitUntilGone({ ctx, signal, emit }: Run): Promise<void> {
  const what = "the namespaces' ExternalSecrets and their Secrets to be gone";
  const { name } = ctx.config.pullSecret;
  await waitFor({ what, clock: ctx.clock, signal, emit, deadline, every: 500, hint }, async (pending) => {
    const left = (await ctx.cluster.list(externalSecret)).filter((object) => isFannedOut(object, name));
    const [first] = left;
    if (first) return pending(`${left.length} are left, one in ${first.metadata.namespace ?? ''}`);
    const copies = (await ctx.fresh().inventory.pullSecrets()).filter(isCopy);
    const [copy] = copies;
    return copy
      ? pending(`${copies.length} Secrets are left, one in ${copy.metadata.namespace ?? ''}`)
      : true;
  });
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
    return pending(`${missing.length} of ${copies.length} lack it, ${first.namespace}: ${first.why}`);
  });
}
