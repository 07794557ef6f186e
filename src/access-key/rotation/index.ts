import type { AnyRotationStep } from '../context.ts';
import { newKey } from './new-key.ts';
import { oldKey } from './old-key.ts';
import { registerRollOut } from './register-roll-out.ts';
import { ObservedKeys } from './observed-keys.ts';
import { rotationObserver } from './state.ts';
import { rollOut } from './roll-out.ts';

/**
 * Replaces a key that has not leaked: a new key is created, verified and stored; the cluster takes it over and is
 * registered with it; the old key is disabled. The old key works until then, so no pull fails. Each step is safe to be
 * interrupted: the next run sees how far the last one came.
 */
export function rotationSteps(): readonly AnyRotationStep[] {
  const seen = new ObservedKeys();
  const observe = rotationObserver(seen);
  return [newKey(observe), rollOut(observe), registerRollOut(observe), oldKey(observe, seen)];
}
