import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { hoursAndMinutes } from '../core/duration.ts';
import { type Finding, finding } from '../core/findings.ts';
import { annotations } from '../core/ownership.ts';

const hourMs = 3_600_000;

/** A 12 h token that has less time left was not renewed; the rest is the time to fix it. */
const warningMs = 3 * hourMs;

/** When the token in a pull secret expires, in milliseconds since the epoch; undefined without a valid annotation. */
export function tokenExpiry({ metadata }: KubeObject): number | undefined {
  const seconds = Number(metadata.annotations?.[annotations.expiresAt]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** Reports when the token expires, also when it is OK. */
export function tokenFinding(secret: KubeObject, now: number): Finding {
  const target = targetOf(refOf(secret));
  const expiry = tokenExpiry(secret);
  if (expiry === undefined) {
    return finding('token-unknown', {
      target,
      what: `cannot determine when the token of ${target.name} expires`,
      why: `the annotation ${annotations.expiresAt} is missing`,
      hint: 'Run `ecr-bootstrap up`.',
    });
  }
  const leftMs = expiry - now;
  const secondsLeft = Math.floor(leftMs / 1000);
  if (leftMs > warningMs) {
    return finding('ok', {
      target,
      what: `token of ${target.name} is valid for ${hoursAndMinutes(leftMs)}`,
      why: 'the operator renews it',
      hint: 'Nothing to do.',
      secondsLeft,
    });
  }
  const isExpired = leftMs <= 0;
  return finding(isExpired ? 'token-expired' : 'token-expiring', {
    target,
    what: isExpired
      ? `token of ${target.name} expired ${hoursAndMinutes(-leftMs)} ago`
      : `token of ${target.name} expires in ${hoursAndMinutes(leftMs)}`,
    why: 'the operator did not renew it in time',
    hint: 'Run `ecr-bootstrap up`.',
    secondsLeft,
  });
}
