import type { KubeObject } from '../clients/kubernetes/port.ts';
import { excludeMark, isReconciled, namespaceSelector, observeCoverage } from '../cluster/coverage.ts';
import { earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import { annotated, type ObjectsState, observeObjects, owned, withFound } from '../cluster/objects.ts';
import { renderTemplate } from '../cluster/templates.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Finding } from '../core/findings.ts';
import { managedBy, operatorNamespace as namespace } from '../core/ownership.ts';
import { waitFor } from '../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from './context.ts';
import { forceSync } from './force-sync.ts';
import { withoutOperator } from './pull-secret/resync.ts';
import { fixOf, Refusals } from './refusals.ts';
import { syncFinding, syncOf } from './sync.ts';
import { expiryOf, tokenFinding } from './tokens.ts';

/** The Role that may read the pull secret, and those of earlier names. */
export const readerRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  name: 'pull-secret-reader',
  namespace,
};

const store = {
  apiVersion: 'external-secrets.io/v1beta1',
  kind: 'ClusterSecretStore',
  name: 'pull-secret',
};

export async function renewalObjects(ctx: ExternalSecretsContext): Promise<readonly KubeObject[]> {
  const { aws, pullSecret, users } = ctx.config;
  const { exclude } = ctx.config.namespaces;
  const [coverage, actual, earlier] = await Promise.all([
    observeCoverage(ctx),
    ctx.cluster.get(store),
    earlierPullSecrets(ctx),
  ]);
  const objects = await renderTemplate('renewal', {
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
    object.kind === store.kind ? annotated(owned(object), excludeMark(exclude)) : owned(object),
  );
}

/** The objects, and what renews pull secrets of earlier names. */
export async function observeRenewalForRemoval(ctx: ExternalSecretsContext): Promise<ObjectsState> {
  const earlier = await earlierPullSecrets(ctx);
  const state = await observeObjects(ctx.cluster, await renewalObjects(ctx));
  return withFound(
    state,
    earlier.flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'ExternalSecret')),
  );
}

const synced = new Set(['SecretStore', 'ClusterSecretStore', 'ExternalSecret']);

/** What the operator says about each object of the chain, and how long the token in its own namespace lasts. */
export async function renewalHealth(
  state: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<readonly Finding[]> {
  const objects = [...state.observed.values()].filter(({ kind }) => synced.has(kind));
  const secrets = await ctx.inventory.pullSecrets();
  const original = secrets.find(({ metadata }) => metadata.namespace === namespace);
  return [
    ...(original ? await withoutOperator(ctx, 'the pull secret is not renewed') : []),
    ...(await syncFindings(objects, ctx)),
    ...(original ? [tokenFinding(original, ctx.clock.now())] : []),
  ];
}

async function syncFindings(
  objects: readonly KubeObject[],
  ctx: ExternalSecretsContext,
): Promise<readonly Finding[]> {
  const failing = objects.filter((object) => syncOf(object, []).state === 'failing');
  if (failing.length === 0) return [];
  const warnings = await ctx.inventory.warnings();
  return failing.flatMap((object) => syncFinding(object, syncOf(object, warnings)));
}

/** Milliseconds; a first sync takes seconds, one after a failure up to two minutes because of the operator's back-off. */
const deadlineMs = 180_000;
const hint = 'ecr-bootstrap status tells more; the next ecr-bootstrap up goes on.';

/** Waits until the operator itself has issued the token in the pull secret of its namespace. */
export async function waitForRenewal(run: ExternalSecretsRun): Promise<void> {
  const { ctx, looksOnly = false } = run;
  const what = 'the operator to renew the pull secret';
  const refusals = new Refusals(ctx.clock);
  await waitFor(run, { what, deadlineMs, hint }, async (pending) => {
    const behind = await whyNotRenewed(ctx);
    if (behind === undefined) return true;
    const { why, evidence = '', renewal } = behind;
    const fix = fixOf(why, { namespace, name: ctx.config.pullSecret.name });
    const isConfirmed = fix && (looksOnly || refusals.isConfirmed(namespace, evidence));
    if (isConfirmed)
      throw new BootstrapError({ code: 'not-ready', what: `timed out waiting for ${what}`, why, hint });
    if (fix && isConfirmed === undefined && renewal) {
      await forceSync(ctx.cluster, renewal, '/metadata');
      refusals.ask(namespace, evidence);
    }
    return pending(why);
  });
}

interface Behind {
  readonly why: string;
  /** What the operator says of its last try. */
  readonly evidence?: string;
  readonly renewal?: KubeObject;
}

async function whyNotRenewed({
  cluster,
  config,
  clock,
}: ExternalSecretsContext): Promise<Behind | undefined> {
  const { name } = config.pullSecret;
  const [renewal, secret] = await Promise.all([
    cluster.get({ apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret', name, namespace }),
    cluster.get({ apiVersion: 'v1', kind: 'Secret', name, namespace }),
  ]);
  if (!renewal) return { why: `ExternalSecret ${namespace}/${name} is not there` };
  if (syncOf(renewal, []).state === 'failing') {
    const warnings = await cluster.list(
      { apiVersion: 'v1', kind: 'Event' },
      { namespace, fieldSelector: 'type=Warning' },
    );
    const sync = syncOf(renewal, warnings);
    if (sync.state === 'failing') return { why: sync.why, evidence: sync.evidence, renewal };
  }
  if (!secret || !isReconciled(secret)) return { why: 'the operator has not written the Secret yet' };
  return (expiryOf(secret) ?? 0) > clock.now() ? undefined : { why: 'its token has expired' };
}
