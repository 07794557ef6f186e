import { BootstrapError } from '../core/errors.ts';
import type { RejectedImage } from '../images/port.ts';
import type { MirrorResult } from '../mirror/port.ts';
import type { MirrorRow } from '../output/index.ts';

/** One image's result as a command tells it. */
export function rowOf({ image, ...result }: MirrorResult): MirrorRow {
  return { source: image.source, wantedBy: image.wantedBy, ...result };
}

/** A reference from the command line or a list that names no image: a failure like any other, for which nothing was done. */
export function refusedRow({ reference, wantedBy, error }: RejectedImage): MirrorRow {
  const { code, what, why, hint } = error;
  return {
    source: reference,
    wantedBy,
    state: 'failed',
    platforms: [],
    bytesSent: 0,
    bytesMounted: 0,
    bytesSkipped: 0,
    requests: 0,
    seconds: 0,
    error: new BootstrapError(
      { code, what: `${wantedBy.join(' and ')}: ${what}`, why, hint },
      { cause: error },
    ),
  };
}
