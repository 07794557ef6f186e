import type { AnyStep } from '../context.ts';
import { newKey } from './new-key.ts';
import { oldKey } from './old-key.ts';
import { record } from './record.ts';
import { rotationObserver } from './state.ts';
import { takeOver } from './take-over.ts';

/**
 * What `rotate` does, in this order: a new key is made, proved and stored; the cluster takes it over and is put
 * on record; the old key goes. Each is safe to be cut off anywhere: the next run sees how far the last one came.
 * @param force the old key has leaked: it is deleted now, whoever still uses it, and what is late with the new key
 * fails the run only afterwards
 */
export function rotationSteps(force: boolean): readonly AnyStep[] {
  const observe = rotationObserver(force);
  const taking = [newKey(observe, force), takeOver(observe, force)];
  return force
    ? [...taking, oldKey(observe, force), record(observe)]
    : [...taking, record(observe), oldKey(observe, force)];
}
