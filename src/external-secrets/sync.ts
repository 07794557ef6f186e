import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { oldestFirst, timeOf } from '../cluster/events.ts';
import type { Finding } from '../core/findings.ts';
import { nameOf } from '../core/members.ts';
import { finding } from '../core/findings.ts';

/** How External Secrets Operator gets on with one of its objects. */
export type Sync =
  | { readonly state: 'synced' }
  /** It has not looked at it yet. */
  | { readonly state: 'waiting' }
  | {
      readonly state: 'failing';
      readonly why: string;
      /** Changes when the operator has tried again. */
      readonly evidence: string;
    };

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** @param warnings events: conditions only say that something failed, events say what */
export function syncOf(object: KubeObject, warnings: readonly KubeObject[]): Sync {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: readonly Condition[] };
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready) return { state: 'waiting' };
  if (ready.status === 'True') return { state: 'synced' };
  const { message = 'it gives no reason', reason = '', lastTransitionTime = '' } = ready;
  const last = lastWarning(object, warnings, Date.parse(lastTransitionTime) || 0);
  const text = last?.['message'];
  const why = typeof text === 'string' && text !== '' ? shortened(text) : message || reason;
  return { state: 'failing', why, evidence: `${last?.metadata.resourceVersion ?? ''} ${why}` };
}

/** Milliseconds by which an event may be older than the condition that it belongs to. */
const slack = 5000;

interface InvolvedObject {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/** The newest warning about this very object, unless it is of an earlier failure that was over in between. */
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
  return last && timeOf(last) >= since - slack ? last : undefined;
}

/** AWS's words for a key that is deleted, deactivated, or not the right half of a pair. */
const refusedKey =
  /InvalidClientTokenId|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|InvalidAccessKeyId|security token included in the request is (invalid|expired)/;

/** A finding for what is failing; none for anything else. */
export function syncFinding(
  object: KubeObject,
  sync: Pick<Sync, 'state'> & { readonly why?: string },
): Finding[] {
  if (sync.state !== 'failing') return [];
  const target = targetOf(refOf(object));
  const { why = '' } = sync;
  if (refusedKey.test(why)) {
    return [
      finding('key-refused', {
        target,
        what: `${nameOf(target)}: AWS refuses the operator's access key`,
        why,
        hint: 'ecr-bootstrap up puts a working key in its place.',
      }),
    ];
  }
  return [
    finding('sync-failed', {
      target,
      what: `${nameOf(target)} is not synced`,
      why,
      hint: 'See what the operator says: kubectl -n external-secrets logs deployment/external-secrets',
    }),
  ];
}

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
};
