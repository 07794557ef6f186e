import { PbfWriter } from 'pbf';

/** Writes a field of a message in protobuf. */
type Write = (writer: PbfWriter) => void;

export const nested =
  (number: number, write: Write): Write =>
  (writer) =>
    writer.writeMessage(number, (_, inner) => write(inner), undefined);
export const string =
  (number: number, value: string): Write =>
  (writer) =>
    writer.writeStringField(number, value);
export const number =
  (field: number, value: number): Write =>
  (writer) =>
    writer.writeVarintField(field, value);
export const all =
  (...writes: readonly Write[]): Write =>
  (writer) =>
    writes.forEach((write) => write(writer));

/** An object in the envelope of the API server. */
export function encoded(...writes: readonly Write[]): Buffer {
  const envelope = new PbfWriter();
  all(nested(1, all(string(1, 'v1'), string(2, 'Pod'))), nested(2, all(...writes)), string(4, ''))(envelope);
  return Buffer.concat([Buffer.from('k8s\0'), envelope.finish()]);
}
