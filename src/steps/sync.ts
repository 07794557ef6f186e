import { refOf, targetOf } from '../cluster/names.ts';
import type { KubeObject } from '../cluster/port.ts';
import { type Finding, nameOf } from '../plan/index.ts';

/** How External Secrets Operator gets on with one of its objects. */
export type Sync =
  | { readonly state: 'synced' }
  /** It has not looked at it yet. */
  | { readonly state: 'waiting' }
  | { readonly state: 'failing'; readonly why: string };

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** @param warnings events, newest last: conditions only say that something failed, events say what */
export function syncOf(object: KubeObject, warnings: readonly KubeObject[]): Sync {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: readonly Condition[] };
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready) return { state: 'waiting' };
  if (ready.status === 'True') return { state: 'synced' };
  const { message = 'it gives no reason', reason = '' } = ready;
  return { state: 'failing', why: lastWarning(object, warnings) ?? (message || reason) };
}

/** The message of the newest warning about an object. */
function lastWarning(object: KubeObject, warnings: readonly KubeObject[]): string | undefined {
  const { kind, metadata } = object;
  const last = warnings.findLast(({ involvedObject }) => {
    const {
      kind: about,
      name,
      namespace,
    } = involvedObject as { kind?: string; name?: string; namespace?: string };
    return (
      about === kind && name === metadata.name && (!metadata.namespace || namespace === metadata.namespace)
    );
  });
  const message = last?.['message'];
  return typeof message === 'string' && message !== '' ? shortened(message) : undefined;
}

/** What more waiting will not cure: somebody else's objects, or a type that cannot change. */
export const isIncurable = (why: string): boolean =>
  /owned by another ExternalSecret|already exists in namespace|field is immutable/.test(why);

/** AWS's words for a key that is deleted, deactivated, or not the right half of a pair. */
const refusedKey =
  /InvalidClientTokenId|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|InvalidAccessKeyId|security token included in the request is (invalid|expired)/;

/** A finding for what is failing; none for anything else. */
export function syncFinding(object: KubeObject, sync: Sync): Finding[] {
  if (sync.state !== 'failing') return [];
  const target = targetOf(refOf(object));
  const { why } = sync;
  if (refusedKey.test(why)) {
    return [
      {
        level: 'failed',
        code: 'key-refused',
        target,
        what: `${nameOf(target)}: AWS refuses the operator's access key`,
        why,
        hint: 'ecr-bootstrap up puts a working key in its place.',
      },
    ];
  }
  return [
    {
      level: 'failed',
      code: 'sync-failed',
      target,
      what: `${nameOf(target)} is not synced`,
      why,
      hint: 'See what the operator says: kubectl -n external-secrets logs deployment/external-secrets',
    },
  ];
}

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
};
