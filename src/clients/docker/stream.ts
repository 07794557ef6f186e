import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** One line of the response to a pull or push. */
export interface StreamRecord {
  /** The layer that the record describes. */
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
  /** The result of a push, from the graph-driver store. */
  readonly aux?: { readonly Tag?: string; readonly Digest?: string };
}

/** A failure that the engine reported inside a stream whose HTTP status was 200. */
class StreamFailure extends Error {}

/**
 * Reads the records of a stream. Each line may contain an error: the engine responds with 200 before it knows
 * whether a pull or push works. The library's own followProgress leaves errors to its caller.
 */
export async function* readRecords(stream: Readable): AsyncGenerator<StreamRecord> {
  try {
    for await (const line of linesOf(stream)) {
      if (!line.trim()) continue;
      const record = parse(line);
      const failure = record.errorDetail?.message ?? record.error;
      if (failure !== undefined) throw new StreamFailure(failure);
      yield record;
    }
  } finally {
    stream.destroy();
  }
}

/** `readline` ends without an error when its input fails, so this detects a broken connection. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let broken: Error | undefined;
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  stream.once('error', (error) => {
    broken = error;
    lines.close();
  });
  yield* lines;
  if (broken) throw broken;
}

function parse(line: string): StreamRecord {
  try {
    return JSON.parse(line) as StreamRecord;
  } catch (error) {
    throw new StreamFailure(`the engine sent a line that is not JSON: ${line.slice(0, 80)}`, {
      cause: error,
    });
  }
}
