import type { AnyRotationStep } from '../context.ts';
import { newKey } from './new-key.ts';
import { oldKey } from './old-key.ts';
import { registerRollOut } from './register-roll-out.ts';
import { ObservedKeys } from './observed-keys.ts';
import { rotationObserver } from './state.ts';
import { rollOut } from './roll-out.ts';

/**
 * Replaces a key that has not leaked: creates, stores and verifies a new key, gives it to the cluster, registers the
 * cluster with it, and disables the old key. The old key works until then, so no pull fails. Each step can be
 * interrupted safely: the next run finds out how far the last run got.
 */
export function rotationSteps(): readonly AnyRotationStep[] {
  const observedKeys = new ObservedKeys();
  const observe = rotationObserver(observedKeys);
  return [newKey(observe), rollOut(observe), registerRollOut(observe), oldKey(observe, observedKeys)];
}
