import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { ExternalSecretsRun } from '../context.ts';
import { operatorNamespace as namespace } from '../../core/ownership.ts';
import { findUntrusting, readAuthority } from './certificates.ts';
import {
  certController,
  controller,
  isRunning,
  type Component,
  readComponents,
  refuseFailingPods,
  recreateStuckPods,
} from './pods.ts';

/**
 * Milliseconds. A first install answers after ten seconds; a certificate made anew may take the cert-controller's
 * five minutes between two looks.
 */
const deadlineMs = 6 * 60_000;

/** Waits until the cert-controller has made the webhook's certificate, which it did long ago on every later run. */
export async function waitForCertificate(run: ExternalSecretsRun): Promise<void> {
  if ((await readAuthority(run.ctx.cluster)) !== undefined) return;
  await recreateStuckPods(run, [certController]);
  await waitUntil(run, "the certificate of the operator's webhook", [certController], async (cluster) =>
    (await readAuthority(cluster)) === undefined ? 'the cert-controller has not made it yet' : undefined,
  );
}

/** Waits until the controller runs and the webhook is proven to answer. */
export async function waitUntilServing(run: ExternalSecretsRun): Promise<void> {
  await recreateStuckPods(run);
  await waitUntil(run, 'External Secrets Operator to work', undefined, async (cluster, parts) => {
    const pods = parts.find(({ name }) => name === controller)?.current ?? [];
    if (pods.length === 0) return 'the controller has no pod yet';
    if (!pods.some(isRunning)) return 'the controller does not run yet';
    return (await findMissing(cluster)) ?? refusesInvalid(cluster);
  });
}

/** What the webhook still lacks, from reading alone; undefined when it has all. */
export async function findMissing(cluster: ClusterPort): Promise<string | undefined> {
  const authority = await readAuthority(cluster);
  if (authority === undefined) return 'the webhook has no certificate yet';
  const untrusting = await findUntrusting(cluster, authority);
  if (untrusting.length > 0) return `the webhook's authority is not yet in ${untrusting.join(', ')}`;
  return (await hasEndpoint(cluster)) ? undefined : 'the webhook has no ready endpoint yet';
}

type Check = (cluster: ClusterPort, parts: readonly Component[]) => Promise<string | undefined>;

async function waitUntil(
  run: ExternalSecretsRun,
  what: string,
  names: readonly string[] | undefined,
  look: Check,
): Promise<void> {
  const hint = `Look at its pods: kubectl get pods -n ${namespace}; ecr-bootstrap status tells more.`;
  const { ctx } = run;
  await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
    const parts = await readComponents(ctx.cluster, names);
    await refuseFailingPods(ctx, parts);
    const why = await look(ctx.cluster, parts);
    return why === undefined ? true : pending(why);
  });
}

interface EndpointSlice {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

/** A missing condition means ready: Kubernetes API reference, EndpointConditions. */
async function hasEndpoint(cluster: ClusterPort): Promise<boolean> {
  const slices = await cluster.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labelSelector: 'kubernetes.io/service-name=external-secrets-webhook' },
  );
  return slices.some((slice) =>
    ((slice as EndpointSlice).endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
  );
}

/** What the webhook says to an ExternalSecret without data. That it lets a valid one pass would prove nothing. */
const refusal = 'either data or dataFrom should be specified';

const invalid: KubeObject = {
  apiVersion: 'external-secrets.io/v1beta1',
  kind: 'ExternalSecret',
  metadata: { name: 'ecr-bootstrap-proof', namespace },
  spec: { secretStoreRef: { name: 'none' } },
};

async function refusesInvalid(cluster: ClusterPort): Promise<string | undefined> {
  try {
    await cluster.create(invalid, { dryRun: true });
    return 'the API server does not ask the webhook yet';
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return error.why.includes(refusal) ? undefined : error.why;
  }
}
