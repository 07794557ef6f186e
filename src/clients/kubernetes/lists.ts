import { setImmediate } from 'node:timers/promises';
import { type Resource, pathOf } from './discovery.ts';
import { refused, statusOf } from './errors.ts';
import type { Kind, KubeObject, ListOptions } from './port.ts';
import type { ApiResponse, ApiTransport } from './transport.ts';

/** Objects per response, as in kubectl. */
const pageSize = 500;
/** A listing restarts when it takes longer than etcd keeps old revisions (5 minutes). */
const maxRestarts = 3;

const partial =
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1';

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
  const accept = options.metadataOnly ? { accept: partial } : {};
  const request = (token: string): Promise<ApiResponse> => {
    const path = `${pathOf(resource, options.namespace)}?${queryOf(options, token).toString()}`;
    const answer = transport.send({ method: 'GET', path, what, repeatable: true, ...accept }, [410]);
    // Its error is reported when the answer is used, unless another one is reported before.
    answer.catch(() => undefined);
    return answer;
  };
  let pending: Promise<ApiResponse> | undefined = request('');
  while (pending) {
    const { status, body }: ApiResponse = await pending;
    if (status === 410) {
      if (last) throw refused(what, statusOf(status, body));
      return undefined;
    }
    // The server prepares the next page while this one is parsed.
    const early = earlyToken(body);
    pending = early === undefined ? undefined : request(early);
    if (pending) await setImmediate();
    const page = JSON.parse(body) as Page;
    // Items of built-in kinds have no apiVersion and kind; items of metadata lists have those of
    // PartialObjectMetadata.
    for (const item of page.items ?? []) {
      const object = { ...(item as KubeObject), ...plainKind(kind) };
      objects.push(options.reduce ? options.reduce(object) : object);
    }
    const token = page.metadata?.continue ?? '';
    if (token !== '') pending ??= request(token);
  }
  return objects;
}

/**
 * The continue token of a page that is not parsed yet, if the metadata of the list precedes its items. That is so in lists
 * of built-in kinds, which the API server encodes in the order of the fields of its types.
 */
const earlyToken = (body: string): string | undefined =>
  /^[^[]*?"metadata":\{[^{}[\]]*?"continue":"([\w+/=-]+)"/.exec(body.slice(0, maxHeadLength))?.[1];

/** Enough for the metadata of a list; a token has some hundred characters. */
const maxHeadLength = 4096;

const plainKind = ({ apiVersion, kind }: Kind): Kind => ({ apiVersion, kind });

function queryOf({ labelSelector, fieldSelector }: ListOptions, next: string): URLSearchParams {
  return new URLSearchParams({
    limit: String(pageSize),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(next === '' ? {} : { continue: next }),
  });
}
