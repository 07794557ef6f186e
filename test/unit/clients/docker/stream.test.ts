import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readRecords, type StreamRecord } from '../../../../src/clients/docker/stream.ts';

const readAll = async (stream: Readable): Promise<StreamRecord[]> => {
  const records: StreamRecord[] = [];
  for await (const record of readRecords(stream)) records.push(record);
  return records;
};

const read = async (...chunks: string[]): Promise<StreamRecord[]> =>
  readAll(Readable.from(chunks.map((chunk) => Buffer.from(chunk))));

describe("a pull's or push's stream", () => {
  it('is read line by line, wherever its chunks end', async () => {
    const records = await read('{"status":"a"}\r\n{"sta', 'tus":"b"}\r\n', '{"status":"c"}');
    expect(records).toEqual([{ status: 'a' }, { status: 'b' }, { status: 'c' }]);
  });

  it.each(['{"error":"no such thing"}', '{"errorDetail":{"message":"no such thing"}}'])(
    'fails on the line %s',
    async (line) => {
      await expect(read('{"status":"a"}\n', `${line}\n`, '{"status":"b"}\n')).rejects.toThrow(
        'no such thing',
      );
    },
  );

  it('fails on an error without a text', async () => {
    await expect(read('{"error":""}\n')).rejects.toThrow();
  });

  it('fails on a line that is not JSON', async () => {
    await expect(read('<html>\n')).rejects.toThrow('not JSON: <html>');
  });

  it('fails when the connection breaks between two lines', async () => {
    const breaking = Readable.from(
      (function* () {
        yield Buffer.from('{"status":"a"}\n');
        throw new Error('socket hang up');
      })(),
    );
    await expect(readAll(breaking)).rejects.toThrow('socket hang up');
  });
});
