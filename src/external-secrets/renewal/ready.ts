import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { isReconciled } from '../../cluster/coverage.ts';
import { operatorNamespace as namespace } from '../../core/ownership.ts';
import { forceSync } from '../force-sync.ts';
import { fixOf, Refusals } from '../refusals.ts';
import { syncOf } from '../sync.ts';
import { expiryOf } from '../tokens.ts';

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
