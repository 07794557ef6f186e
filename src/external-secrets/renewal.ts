import type { KubeObject } from '../clients/kubernetes/port.ts';
import { excludeMark, isReconciled, namespaceSelector, observeCoverage } from '../cluster/coverage.ts';
import { earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import {
  alsoDeleting,
  annotated,
  existing,
  type ObjectsState,
  observeObjects,
  withManagedLabel,
} from '../cluster/objects.ts';
import { operatorKind } from '../cluster/operator-api.ts';
import { renderTemplate } from '../cluster/templates.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Finding } from '../core/findings.ts';
import { managedBy, operatorNamespace as namespace } from '../core/ownership.ts';
import { waitFor } from '../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from './context.ts';
import { forceSync } from './force-sync.ts';
import { withoutOperator } from './pull-secret/resync.ts';
import { fixOf, Refusals } from './refusals.ts';
import { syncFindings, syncOf } from './sync.ts';
import { tokenExpiry, tokenFinding } from './tokens.ts';

/** The Role that can read the pull secret, and pull secrets of earlier names. */
export const readerRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  name: 'pull-secret-reader',
  namespace,
};

const storeKind = 'ClusterSecretStore';

export async function renewalObjects(ctx: ExternalSecretsContext): Promise<readonly KubeObject[]> {
  const { aws, pullSecret, users } = ctx.config;
  const { exclude } = ctx.config.namespaces;
  const store = await operatorKind(ctx.cluster, storeKind);
  const [coverage, actual, earlier] = await Promise.all([
    observeCoverage(ctx),
    ctx.cluster.get({ ...store, name: 'pull-secret' }),
    earlierPullSecrets(ctx),
  ]);
  const objects = await renderTemplate('renewal', {
    operatorApi: store.apiVersion,
    namespace,
    region: aws.region,
    user: users.imagePuller.name,
    pullSecret: pullSecret.name,
    readable: [pullSecret.name, ...earlier.map(({ name }) => name)],
    renewEvery: pullSecret.renewEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(coverage, exclude, actual),
  });
  return objects.map((object) =>
    object.kind === storeKind
      ? annotated(withManagedLabel(object), excludeMark(exclude))
      : withManagedLabel(object),
  );
}

/** The objects, and the ExternalSecrets that renew pull secrets of earlier names. */
export async function observeRenewalForRemoval(ctx: ExternalSecretsContext): Promise<ObjectsState> {
  const earlier = await earlierPullSecrets(ctx);
  const state = await observeObjects(ctx.cluster, await renewalObjects(ctx));
  return alsoDeleting(
    state,
    earlier.flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'ExternalSecret')),
  );
}

const syncedKinds = new Set(['SecretStore', 'ClusterSecretStore', 'ExternalSecret']);

/** Reports objects that fail to sync, and when the token in the operator's namespace expires. */
export async function renewalHealth(
  state: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<readonly Finding[]> {
  const objects = existing(state).filter(({ kind }) => syncedKinds.has(kind));
  const secrets = await ctx.inventory.pullSecrets();
  const original = secrets.find(({ metadata }) => metadata.namespace === namespace);
  return [
    ...(original ? await withoutOperator(ctx, 'the pull secret is not renewed') : []),
    ...(await syncFindings(objects, ctx)),
    ...(original ? [tokenFinding(original, ctx.clock.now())] : []),
  ];
}

/** A first sync takes seconds. After a failure, the operator's backoff delays it by up to two minutes. */
const deadlineMs = 180_000;
const hint =
  'For details, run `ecr-bootstrap status`. Then run the same command again; it resumes where it stopped.';

/** Waits until the operator has written a valid token to the pull secret in its namespace. */
export async function waitForRenewal(run: ExternalSecretsRun): Promise<void> {
  const { ctx, isReadOnly = false } = run;
  const what = 'the operator to renew the pull secret';
  const refusals = new Refusals(ctx.clock);
  await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
    const pendingRenewal = await findPendingRenewal(ctx);
    if (pendingRenewal === undefined) return true;
    const { why, evidence = '', externalSecret } = pendingRenewal;
    const fix = fixOf(why, { namespace, name: ctx.config.pullSecret.name });
    const isConfirmed = fix && (isReadOnly || refusals.isConfirmed(namespace, evidence));
    if (isConfirmed)
      throw new BootstrapError({ code: 'not-ready', what: `timed out waiting for ${what}`, why, hint });
    if (fix && isConfirmed === undefined && externalSecret) {
      await forceSync(ctx.cluster, externalSecret, '/metadata');
      refusals.recordRetry(namespace, evidence);
    }
    return pending(why);
  });
}

interface PendingRenewal {
  readonly why: string;
  /** What the operator reported about its last attempt. */
  readonly evidence?: string;
  readonly externalSecret?: KubeObject;
}

async function findPendingRenewal({
  cluster,
  config,
  clock,
}: ExternalSecretsContext): Promise<PendingRenewal | undefined> {
  const { name } = config.pullSecret;
  const [externalSecret, secret] = await Promise.all([
    operatorKind(cluster, 'ExternalSecret').then((kind) => cluster.get({ ...kind, name, namespace })),
    cluster.get({ apiVersion: 'v1', kind: 'Secret', name, namespace }),
  ]);
  if (!externalSecret) return { why: `ExternalSecret ${namespace}/${name} does not exist` };
  if (syncOf(externalSecret, []).state === 'failing') {
    const warnings = await cluster.list(
      { apiVersion: 'v1', kind: 'Event' },
      { namespace, fieldSelector: 'type=Warning' },
    );
    const sync = syncOf(externalSecret, warnings);
    if (sync.state === 'failing') return { why: sync.why, evidence: sync.evidence, externalSecret };
  }
  if (!secret || !isReconciled(secret)) return { why: 'the operator has not written the Secret yet' };
  return (tokenExpiry(secret) ?? 0) > clock.now() ? undefined : { why: 'its token has expired' };
}
