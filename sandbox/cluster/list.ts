import { badRequest } from './errors.ts';
import { type Fields, type KubeObject, without } from './objects.ts';
import { apiVersion, type Resource } from './resources.ts';
import { matches, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import type { ObjectStore } from './store.ts';

/** The query parameters that select and page the objects of a list. */
export interface ListQuery {
  readonly namespace?: string | undefined;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** The objects that a list, or a delete of a collection, selects. */
export function select(store: ObjectStore, resource: Resource, query: ListQuery): KubeObject[] {
  const labels = parseLabelSelector(query.labelSelector);
  const fields = parseFieldSelector(query.fieldSelector, resource);
  const all = store.list(resource.kind, query.namespace);
  return all.filter((object) => matches(labels, object.metadata.labels) && fields(object));
}

/**
 * One page as a list object.
 * @param limit the page size; 0 for all objects
 * @param from the `continue` token of the previous page, or an empty string
 */
export function listPage(
  found: KubeObject[],
  page: {
    resource: Resource;
    version: string;
    resourceVersion: string;
    limit: number;
    from: string;
    partial: boolean;
  },
): Fields {
  const { resource, version, resourceVersion, limit, from, partial } = page;
  const start = from === '' ? 0 : found.findIndex((object) => position(object) > decodeToken(from));
  const rest = start < 0 ? [] : found.slice(start);
  const objects = limit > 0 ? rest.slice(0, limit) : rest;
  const last = objects.at(-1);
  const more = objects.length < rest.length;
  const token = Buffer.from(last === undefined ? '' : position(last)).toString('base64url');
  const metadata = {
    resourceVersion,
    ...(more && { continue: token }),
  };
  if (partial) {
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: objects.map(partialMetadata),
    };
  }
  const groupVersion = apiVersion(resource.group, version);
  const items = objects.map((object) => {
    if (resource.custom) return { ...object, apiVersion: groupVersion };
    return without(object, 'kind', 'apiVersion');
  });
  const kind = `${resource.kind}List`;
  // The order of the fields of a type, and for custom resources that of the alphabet.
  return resource.custom
    ? { apiVersion: groupVersion, items, kind, metadata }
    : { kind, apiVersion: groupVersion, metadata, items };
}

/** Only the metadata of an object, for a request with `as=PartialObjectMetadata`. */
export function partialMetadata({ metadata }: KubeObject): Fields {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

const position = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`;

function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.includes('/')) throw badRequest('continue key is not valid');
  return text;
}
