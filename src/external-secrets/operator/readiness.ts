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
 * A new installation is ready after ten seconds. A recreated certificate can take five minutes, the interval at which
 * the cert-controller checks.
 */
const deadlineMs = 6 * 60_000;

/** Waits until the cert-controller has created the webhook's certificate. Returns at once when it exists. */
export async function waitForCertificate(run: ExternalSecretsRun): Promise<void> {
  if ((await readAuthority(run.ctx.cluster)) !== undefined) return;
  await recreateStuckPods(run, [certController]);
  await waitUntil(run, "the certificate of the operator's webhook", [certController], async (cluster) =>
    (await readAuthority(cluster)) === undefined ? 'the cert-controller has not created it yet' : undefined,
  );
}

/** Waits until the controller runs and the webhook validates a request. */
export async function waitUntilServing(run: ExternalSecretsRun): Promise<void> {
  await recreateStuckPods(run);
  await waitUntil(
    run,
    'External Secrets Operator to become ready',
    undefined,
    async (cluster, components) => {
      const pods = components.find(({ name }) => name === controller)?.current ?? [];
      if (pods.length === 0) return 'the controller has no pod yet';
      if (!pods.some(isRunning)) return 'the controller is not running yet';
      return (await findMissing(cluster)) ?? rejectsInvalid(cluster);
    },
  );
}

/** What the webhook lacks, found without writing; undefined when it has everything. */
export async function findMissing(cluster: ClusterPort): Promise<string | undefined> {
  const authority = await readAuthority(cluster);
  if (authority === undefined) return 'the webhook has no certificate yet';
  const untrusting = await findUntrusting(cluster, authority);
  if (untrusting.length > 0)
    return `the webhook's certificate authority is not yet in ${untrusting.join(', ')}`;
  return (await hasEndpoint(cluster)) ? undefined : 'the webhook has no ready endpoint yet';
}

/** Returns why the operator is not ready, or undefined when it is. */
type Check = (cluster: ClusterPort, components: readonly Component[]) => Promise<string | undefined>;

async function waitUntil(
  run: ExternalSecretsRun,
  what: string,
  names: readonly string[] | undefined,
  check: Check,
): Promise<void> {
  const hint = `Check its pods: \`kubectl get pods -n ${namespace}\`. For more details, run \`ecr-bootstrap status\`.`;
  const { ctx } = run;
  await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
    const components = await readComponents(ctx.cluster, names);
    await refuseFailingPods(ctx, components);
    const why = await check(ctx.cluster, components);
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

/** The webhook's error for an ExternalSecret without data. Accepting a valid one would show nothing. */
const rejection = 'either data or dataFrom should be specified';

const invalid: KubeObject = {
  apiVersion: 'external-secrets.io/v1beta1',
  kind: 'ExternalSecret',
  metadata: { name: 'ecr-bootstrap-proof', namespace },
  spec: { secretStoreRef: { name: 'none' } },
};

async function rejectsInvalid(cluster: ClusterPort): Promise<string | undefined> {
  try {
    await cluster.create(invalid, { dryRun: true });
    return 'the API server does not call the webhook yet';
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return error.why.includes(rejection) ? undefined : error.why;
  }
}
