import { PbfReader } from 'pbf';

/** The media type in which API servers send objects of built-in kinds. It has half the bytes of JSON. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

type Fields = Record<string, unknown>;

class Reader extends PbfReader {
  readonly #texts = new Map<string, string>();

  /** Most texts of a page occur often, for example the names of nodes. Each is kept once, which halves the memory of pods. */
  readText(): string {
    const read = this.readString();
    const known = this.#texts.get(read);
    if (known === undefined) this.#texts.set(read, read);
    return known ?? read;
  }
}

interface Field {
  readonly wireType: number;
  readonly read: (reader: Reader, into: Fields) => void;
}

/**
 * What is read of a message, by the numbers of its fields in `generated.proto` of k8s.io/api and k8s.io/apimachinery. They
 * never change. Everything else is skipped, which takes far less time than to parse it from JSON.
 */
export type Message = Readonly<Record<number, Field>>;

/** Wire types of the protobuf encoding. */
const [varint, lengthDelimited] = [0, 2];

const delimited = (read: Field['read']): Field => ({ wireType: lengthDelimited, read });

/** Empty texts are left out, as JSON leaves out most of them. */
export const text = (name: string): Field =>
  delimited((reader, into) => {
    const value = reader.readText();
    if (value !== '') into[name] = value;
  });

export const flag = (name: string): Field => ({
  wireType: varint,
  read: (reader, into) => void (into[name] = reader.readBoolean()),
});

/** @param omitsZero whether JSON leaves out a zero, which this encoding always has */
export const integer = (name: string, { omitsZero = false } = {}): Field => ({
  wireType: varint,
  read: (reader, into) => {
    const value = reader.readVarint(true);
    if (value !== 0 || !omitsZero) into[name] = value;
  },
});

export const message = (name: string, fields: Message): Field =>
  delimited((reader, into) => void (into[name] = nested(reader, fields)));

/** A repeated message. */
export const list = (name: string, fields: Message): Field =>
  delimited((reader, into) => push(into, name, nested(reader, fields)));

/** A repeated message. Those without any of the fields are left out. */
export const sparseList = (name: string, fields: Message): Field =>
  delimited((reader, into) => {
    const item = nested(reader, fields);
    if (Object.keys(item).length > 0) push(into, name, item);
  });

const push = (into: Fields, name: string, item: unknown): void =>
  void ((into[name] ??= []) as unknown[]).push(item);

/** A message whose fields JSON has beside those of the parent. */
export const inline = (fields: Message): Field =>
  delimited((reader, into) => void nested(reader, fields, into));

/** A repeated text. */
export const textList = (name: string): Field =>
  delimited((reader, into) => push(into, name, reader.readText()));

const entry: Message = { 1: text('key'), 2: text('value') };

/**
 * A map from texts to texts.
 * @param only the keys to read
 */
export const textMap = (name: string, only?: ReadonlySet<string>): Field =>
  delimited((reader, into) => {
    const { key = '', value = '' } = nested(reader, entry) as { key?: string; value?: string };
    if (only && !only.has(key)) return;
    ((into[name] ??= {}) as Record<string, string>)[key] = value;
  });

const timestamp: Message = { 1: integer('seconds') };

/** A time, as in JSON: `2026-01-31T12:00:00Z`. */
export const time = (name: string): Field =>
  delimited((reader, into) => {
    const { seconds } = nested(reader, timestamp) as { seconds?: number };
    if (seconds !== undefined) into[name] = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  });

function nested(reader: Reader, fields: Message, into: Fields = {}): Fields {
  return readFields(reader, fields, reader.readVarint() + reader.pos, into);
}

function readFields(reader: Reader, fields: Message, end: number, into: Fields): Fields {
  for (let number = reader.nextField(end); number !== 0; number = reader.nextField(end)) {
    const field = fields[number];
    // What is not read is skipped by nextField.
    if (field?.wireType === reader.type) field.read(reader, into);
  }
  if (reader.pos !== end) throw new Error('a message has another length than announced');
  return into;
}

/** Precedes each object: kubernetes.io/docs/reference/using-api/api-concepts, "Protobuf encoding". */
const magic = 'k8s\0';
/** The object in the envelope `runtime.Unknown`. */
const raw = 2;

/**
 * The given fields of an object or a list, as JSON has them. Only texts that are empty are left out everywhere.
 * @throws Error if the content is not an object
 */
export function decodeObject(content: Buffer, fields: Message): Fields {
  if (content.toString('latin1', 0, magic.length) !== magic) throw new Error('it does not begin with k8s');
  let object: Fields | undefined;
  const readObject = delimited((reader) => (object = decode(reader.readBytes(), fields)));
  decode(content.subarray(magic.length), { [raw]: readObject });
  if (!object) throw new Error('it has no object');
  return object;
}

function decode(content: Uint8Array, fields: Message): Fields {
  const reader = new Reader(content);
  return readFields(reader, fields, reader.length, {});
}

/** What is read of an error. */
export const statusFields: Message = { 3: text('message'), 4: text('reason') };

const ownerReference: Message = {
  1: text('kind'),
  3: text('name'),
  4: text('uid'),
  5: text('apiVersion'),
  6: flag('controller'),
};

/** What is read of the metadata of every object. */
export const shortMeta: Message = {
  1: text('name'),
  3: text('namespace'),
  5: text('uid'),
  8: time('creationTimestamp'),
  9: time('deletionTimestamp'),
  11: textMap('labels'),
  13: list('ownerReferences', ownerReference),
};

/** What is read of the metadata of an object that may be changed. */
export const objectMeta: Message = {
  ...shortMeta,
  6: text('resourceVersion'),
  12: textMap('annotations'),
  14: textList('finalizers'),
};
