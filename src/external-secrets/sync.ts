import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { ClusterContext } from '../cluster/context.ts';
import { oldestFirst, timeOf } from '../cluster/events.ts';
import { type Finding, finding } from '../core/findings.ts';
import { nameOf } from '../core/target.ts';

/** Whether the operator has synced an object. */
export type Sync =
  | { readonly state: 'synced' }
  /** The operator has not reconciled it yet. */
  | { readonly state: 'waiting' }
  | {
      readonly state: 'failing';
      readonly why: string;
      /** Changes when the operator has retried. */
      readonly evidence: string;
    };

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** @param warnings events; a condition reports only that a sync failed, an event reports why */
export function syncOf(object: KubeObject, warnings: readonly KubeObject[]): Sync {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: readonly Condition[] };
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready) return { state: 'waiting' };
  if (ready.status === 'True') return { state: 'synced' };
  const { message = 'no reason given', reason = '', lastTransitionTime = '' } = ready;
  const last = lastWarning(object, warnings, Date.parse(lastTransitionTime) || 0);
  const text = last?.['message'];
  const why = typeof text === 'string' && text !== '' ? shortened(text) : message || reason;
  return { state: 'failing', why, evidence: `${last?.metadata.resourceVersion ?? ''} ${why}` };
}

/** How much older than its condition an event can be. */
const maxEventAgeMs = 5000;

interface InvolvedObject {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/** The newest warning about this object, unless it belongs to an earlier failure. */
function lastWarning(
  { kind, metadata }: KubeObject,
  warnings: readonly KubeObject[],
  since: number,
): KubeObject | undefined {
  const about = warnings.filter(({ involvedObject }) => {
    const { kind: other, name, namespace, uid } = (involvedObject ?? {}) as InvolvedObject;
    const isNamed =
      other === kind && name === metadata.name && (!metadata.namespace || namespace === metadata.namespace);
    return isNamed && (uid === undefined || uid === metadata.uid);
  });
  const last = oldestFirst(about).at(-1);
  return last && timeOf(last) >= since - maxEventAgeMs ? last : undefined;
}

/** Reports the objects that fail to sync. */
export async function syncFindings(
  objects: readonly KubeObject[],
  { inventory }: ClusterContext,
): Promise<readonly Finding[]> {
  const failing = objects.filter((object) => syncOf(object, []).state === 'failing');
  const warnings = failing.length > 0 ? await inventory.warnings() : [];
  return failing.flatMap((object) => syncFinding(object, syncOf(object, warnings)));
}

/** AWS's errors for a deleted or inactive key, and for a secret that does not match the key ID. */
const refusedKey =
  /InvalidClientTokenId|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|InvalidAccessKeyId|security token included in the request is (invalid|expired)/;

/** Reports an object that fails to sync. */
export function syncFinding(
  object: KubeObject,
  sync: Pick<Sync, 'state'> & { readonly why?: string },
): Finding[] {
  if (sync.state !== 'failing') return [];
  const target = targetOf(refOf(object));
  const { why = '' } = sync;
  if (refusedKey.test(why)) {
    return [
      finding('key-rejected', {
        target,
        what: `${nameOf(target)}: AWS rejects the operator's access key`,
        why,
        hint: 'Run `ecr-bootstrap up`, which replaces it with a working key.',
      }),
    ];
  }
  return [
    finding('sync-failed', {
      target,
      what: `${nameOf(target)} is not synced`,
      why,
      hint: 'Check the logs of the operator: kubectl -n external-secrets logs deployment/external-secrets',
    }),
  ];
}

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
};
