import { refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { hoursAndMinutes } from '../core/duration.ts';
import type { Finding } from '../core/findings.ts';
import { annotations } from '../core/ownership.ts';
import { finding } from '../core/findings.ts';

const hourMs = 3_600_000;

/** Milliseconds: what is left is enough to find and repair what keeps a 12 h token from being renewed. */
const warningMs = 3 * hourMs;

/** When the token in a pull secret ends, in milliseconds since the epoch; undefined when it does not tell. */
export function expiryOf({ metadata }: KubeObject): number | undefined {
  const seconds = Number(metadata.annotations?.[annotations.expiresAt]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** What is to be said about the token's end; also when all is well, for the time that is left. */
export function tokenFinding(secret: KubeObject, now: number): Finding {
  const target = targetOf(refOf(secret));
  const expiry = expiryOf(secret);
  if (expiry === undefined) {
    return finding('token-unknown', {
      target,
      what: `it cannot be told how long the token of ${target.name} lasts`,
      why: `the annotation ${annotations.expiresAt} is missing`,
      hint: 'ecr-bootstrap up',
    });
  }
  const left = expiry - now;
  const secondsLeft = Math.floor(left / 1000);
  if (left > warningMs) {
    return finding('in-order', {
      target,
      what: `token of ${target.name} is valid for ${hoursAndMinutes(left)}`,
      why: 'the operator renews it',
      hint: 'Nothing to do.',
      secondsLeft,
    });
  }
  const over = left <= 0;
  return finding(over ? 'token-expired' : 'token-expiring', {
    target,
    what: over
      ? `token of ${target.name} ended ${hoursAndMinutes(-left)} ago`
      : `token of ${target.name} ends in ${hoursAndMinutes(left)}`,
    why: 'the operator did not renew it in time',
    hint: 'ecr-bootstrap up renews it; other findings of this step may say what went wrong.',
    secondsLeft,
  });
}
