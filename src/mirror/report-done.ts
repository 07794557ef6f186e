import type { Emit } from '../core/step.ts';
import type { MirrorResult } from './port.ts';

/** Tells that an image came to its end. */
export function reportDone(emit: Emit, { image, state, bytesSent, seconds, error }: MirrorResult): void {
  const { source } = image;
  emit({ type: 'image-done', source, state, bytesSent, seconds, ...(error ? { error } : {}) });
}
