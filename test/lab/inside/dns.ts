import { createSocket } from 'node:dgram';
import type { RemoteInfo } from 'node:dgram';
import { appendFile } from 'node:fs/promises';

/** Resolves a name to its IPv4 address; undefined if the name does not exist. */
export type Lookup = (name: string) => Promise<string | undefined>;

const typeA = 1;
const nameError = 3;

/**
 * A minimal name server. It answers A queries and logs each one as a JSON line `{view, client, name, address}`,
 * which shows what a program tried to reach.
 * @returns a function that stops it
 * @param view the network of the querying machine: the internet, or the air-gapped network
 */
export async function serveNames(
  view: string,
  address: string,
  lookup: Lookup,
  log: string,
): Promise<() => void> {
  const socket = createSocket('udp4');
  const answer = async (question: Buffer, { address: client, port }: RemoteInfo) => {
    const { name, type, end } = readQuestion(question);
    const found = await lookup(name);
    if (type === typeA) await appendFile(log, `${JSON.stringify({ view, client, name, address: found })}\n`);
    socket.send(makeAnswer(question.subarray(0, end), found, type), port, client);
  };
  socket.on('message', (message, sender) => {
    answer(message, sender).catch((error: unknown) =>
      appendFile(log, `${JSON.stringify({ view, error: String(error) })}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(53, address, resolve);
  });
  return () => socket.close();
}

/**
 * The first question of a message: after a header of 12 bytes it has a name as counted labels, then type and
 * class.
 */
function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

/** An existing name without an answer of the requested type (AAAA) is an empty success, not a name error. */
function makeAnswer(question: Buffer, found: string | undefined, type: number): Buffer {
  const records = found !== undefined && type === typeA ? [record(found)] : [];
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8580 | (found === undefined ? nameError : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  header.fill(0, 8);
  return Buffer.concat([header, question.subarray(12), ...records]);
}

/** An A record for the question's own name, with a TTL of five seconds. */
function record(address: string): Buffer {
  const pointerToQuestion = [0xc0, 12];
  const bytes = address.split('.').map(Number);
  return Buffer.from([...pointerToQuestion, 0, typeA, 0, 1, 0, 0, 0, 5, 0, bytes.length, ...bytes]);
}
