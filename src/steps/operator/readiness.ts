import type { ClusterPort, KubeObject } from '../../cluster/port.ts';
import { BootstrapError } from '../../errors/index.ts';
import { waitFor } from '../../plan/index.ts';
import type { Run } from '../context.ts';
import { operatorNamespace as namespace } from '../ownership.ts';
import { findUntrusting, readAuthority } from './certificates.ts';
import { type OperatorPods, readPods, refuseTrouble } from './pods.ts';

/** Milliseconds. A first install answers after half a minute; kubelets take up to two to mount a new certificate. */
const deadline = 5 * 60_000;

/** Waits until the cert-controller has made the webhook's certificate. */
export async function waitForCertificate(run: Run): Promise<void> {
  await waitUntil(run, 'the certificate of the operator’s webhook', async (cluster) =>
    (await readAuthority(cluster)) === undefined ? 'the cert-controller has not made it yet' : undefined,
  );
}

/** Waits until the controller runs and the webhook is proven to answer. */
export async function waitUntilProven(run: Run): Promise<void> {
  await waitUntil(run, 'External Secrets Operator to work', async (cluster, pods) => {
    const [controller] = pods['external-secrets'];
    if (controller === undefined) return 'the controller has no pod yet';
    if (!isRunning(controller)) return 'the controller does not run yet';
    return findUnready(cluster);
  });
}

/** Why the webhook is not ready, or undefined when it is. */
export async function findUnready(cluster: ClusterPort): Promise<string | undefined> {
  const authority = await readAuthority(cluster);
  if (authority === undefined) return 'the webhook has no certificate yet';
  const untrusting = await findUntrusting(cluster, authority);
  if (untrusting.length > 0) return `${untrusting.join(', ')} do not have the webhook's authority yet`;
  if (!(await hasEndpoint(cluster))) return 'the webhook has no ready endpoint yet';
  return refusesInvalid(cluster);
}

type Look = (cluster: ClusterPort, pods: OperatorPods) => Promise<string | undefined>;

async function waitUntil({ ctx, signal, emit }: Run, what: string, look: Look): Promise<void> {
  const hint = `Look at its pods: kubectl get pods -n ${namespace}; ecr-bootstrap status tells more.`;
  await waitFor({ what, clock: ctx.clock, signal, emit, deadline, hint }, async (pending) => {
    const pods = await readPods(ctx.cluster);
    await refuseTrouble(ctx, pods);
    const why = await look(ctx.cluster, pods);
    return why === undefined ? true : pending(why);
  });
}

async function hasEndpoint(cluster: ClusterPort): Promise<boolean> {
  const ref = { apiVersion: 'v1', kind: 'Endpoints', name: 'external-secrets-webhook', namespace };
  const { subsets = [] } = ((await cluster.get(ref)) ?? {}) as { subsets?: { addresses?: unknown[] }[] };
  return subsets.some(({ addresses = [] }) => addresses.length > 0);
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

const isRunning = (pod: KubeObject): boolean => {
  const { containerStatuses = [] } = (pod['status'] ?? {}) as {
    containerStatuses?: { state?: { running?: unknown } }[];
  };
  return containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.running !== undefined);
};
