import { setImmediate } from 'node:timers/promises';
import { type Resource, pathOf } from './discovery.ts';
import { parseAnswer, readAnswer, refused, statusOf } from './errors.ts';
import { decodeObject, list, message, type Message, objectMeta, protobufType, text } from './protobuf.ts';
import type { Kind, KubeObject, ListOptions } from './port.ts';
import type { ApiResponse, ApiTransport } from './transport.ts';

/** Objects per response, as in kubectl. */
const pageSize = 500;
/** A listing restarts when it takes longer than etcd keeps old revisions (5 minutes). */
const maxRestarts = 3;

const asMetadata = (version: string): string => `as=PartialObjectMetadataList;g=meta.k8s.io;v=${version}`;
const metadata = [
  `${protobufType};${asMetadata('v1')}`,
  ...['v1', 'v1beta1'].map((version) => `application/json;${asMetadata(version)}`),
].join();
const metadataFields: Message = { 1: message('metadata', objectMeta) };

interface Page {
  /** Null in an empty list of metadata. */
  readonly items: readonly Partial<KubeObject>[] | null;
  readonly metadata?: { readonly continue?: string };
}

/** Reads all pages of a collection as one list. */
export async function listAll(
  transport: ApiTransport,
  resource: Resource,
  kind: Kind,
  options: ListOptions,
): Promise<readonly KubeObject[]> {
  for (let attempt = 1; ; attempt += 1) {
    const objects = await listOnce(transport, resource, kind, options, attempt === maxRestarts);
    if (objects) return objects;
  }
}

/** Undefined when the continue token has expired (410 Gone). */
async function listOnce(
  transport: ApiTransport,
  resource: Resource,
  kind: Kind,
  options: ListOptions,
  last: boolean,
): Promise<readonly KubeObject[] | undefined> {
  const objects: KubeObject[] = [];
  const what = `list ${resource.plural}${options.namespace === undefined ? '' : ` in ${options.namespace}`}`;
  const accept = acceptOf(options);
  const request = (token: string): Promise<ApiResponse> => {
    const path = `${pathOf(resource, options.namespace)}?${queryOf(options, token).toString()}`;
    const answer = transport.send({ method: 'GET', path, what, repeatable: true, ...accept }, [410]);
    // Its error is reported when the answer is used, unless another one is reported before.
    answer.catch(() => undefined);
    return answer;
  };
  let pending: Promise<ApiResponse> | undefined = request('');
  while (pending) {
    const answer: ApiResponse = await pending;
    if (answer.status === 410) {
      if (last) throw refused(what, statusOf(answer.status, answer.body));
      return undefined;
    }
    // The server prepares the next page while this one is parsed.
    const early = earlyToken(answer);
    pending = early === undefined ? undefined : request(early);
    if (pending) await setImmediate();
    const page = pageOf(answer, options);
    const reduce = answer.protobuf && options.fields ? undefined : options.reduce;
    // Items of built-in kinds have no apiVersion and kind; items of metadata lists have those of
    // PartialObjectMetadata.
    for (const item of page.items ?? []) {
      const object = Object.assign(item, plainKind(kind)) as KubeObject;
      objects.push(reduce ? reduce(object) : object);
    }
    const token = page.metadata?.continue ?? '';
    if (token !== '') pending ??= request(token);
  }
  return objects;
}

const acceptOf = ({ metadataOnly = false, fields }: ListOptions): { accept?: string } => {
  if (metadataOnly) return { accept: metadata };
  return fields ? { accept: `${protobufType},application/json` } : {};
};

/** In protobuf without the token, which {@link earlyToken} has read. */
function pageOf({ protobuf, body }: ApiResponse, { fields = metadataFields }: ListOptions): Page {
  if (!protobuf) return parseAnswer(body) as Page;
  return { items: [], ...decodePart(protobuf, { 2: list('items', fields) }) };
}

const listMetadata = { 1: message('metadata', { 3: text('continue') }) };

/** The continue token of a page whose objects are not read yet. JSON is only read as a whole. */
const earlyToken = ({ protobuf }: ApiResponse): string | undefined =>
  protobuf && decodePart(protobuf, listMetadata).metadata?.continue;

const decodePart = (content: Buffer, fields: Message): Partial<Page> =>
  readAnswer(() => decodeObject(content, fields));

const plainKind = ({ apiVersion, kind }: Kind): Kind => ({ apiVersion, kind });

function queryOf({ labelSelector, fieldSelector }: ListOptions, next: string): URLSearchParams {
  return new URLSearchParams({
    limit: String(pageSize),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(next === '' ? {} : { continue: next }),
  });
}
