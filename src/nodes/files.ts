import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { filesRef, filesSecretRef } from '../cluster/nodes.ts';
import { BootstrapError } from '../core/errors.ts';
import type { MemberFailure } from '../core/step.ts';
import { waitFor } from '../core/wait.ts';
import { forceSync } from '../external-secrets/force-sync.ts';
import { syncFindings, syncOf } from '../external-secrets/sync.ts';
import { tokenExpiry } from '../external-secrets/tokens.ts';
import type { NodesRun } from './context.ts';
import { isTokenRefused } from './token.ts';

/** A sync takes the operator seconds. */
const deadlineMs = 30_000;

/**
 * Waits until the operator has written the files for nodes, as they were applied and with a valid token. A run without
 * changes only reports whether that fails.
 */
export async function waitForFiles(run: NodesRun): Promise<readonly MemberFailure[]> {
  const { ctx, isReadOnly = false } = run;
  const late = isReadOnly ? undefined : await untilWritten(run);
  const files = await ctx.cluster.get(await filesRef(ctx.cluster));
  if (!files) return [];
  const [failure] = await syncFindings([files], ctx.fresh());
  if (!failure) return late ? [{ target: targetOf(refOf(files)), error: late }] : [];
  const { target, what, why, hint } = failure;
  return [{ target, error: new BootstrapError({ code: 'not-ready', what, why, hint }) }];
}

/** @returns the error after the deadline */
async function untilWritten(run: NodesRun): Promise<BootstrapError | undefined> {
  const { cluster, clock } = run.ctx;
  const wait = {
    what: 'the operator to write the files for nodes',
    deadlineMs,
    hint: 'Check the operator: kubectl -n external-secrets logs deployment/external-secrets',
  };
  const ref = await filesRef(cluster);
  let isForced = false;
  try {
    await waitFor(run, wait, async (pending) => {
      const [files, secret] = await Promise.all([cluster.get(ref), cluster.get(filesSecretRef)]);
      if (!files) return true;
      const isFailing = syncOf(files, []).state === 'failing';
      const isExpired = ((secret && tokenExpiry(secret)) ?? 0) <= clock.now();
      const isStale = isFailing || isExpired || (await isTokenRefused(secret, run.ctx));
      if (!isStale && isSynced(files)) return true;
      if (isStale && !isForced) {
        // The operator itself retries a failed sync after up to 17 minutes.
        await forceSync(cluster, files, '/metadata');
        isForced = true;
      }
      return pending(isFailing ? 'it reports an error' : 'it has not written them yet');
    });
    return undefined;
  } catch (error) {
    if (error instanceof BootstrapError && error.code === 'not-ready') return error;
    throw error;
  }
}

/** Whether the operator has synced the current generation, which it records as the start of a version. */
function isSynced({ metadata, status }: KubeObject): boolean {
  const { syncedResourceVersion = '' } = (status ?? {}) as { readonly syncedResourceVersion?: string };
  return syncedResourceVersion.startsWith(`${metadata.generation ?? ''}-`);
}
