import { parseAnswer } from './errors.ts';
import { fullName } from './names.ts';
import type { Kind, ObjectRef } from './port.ts';
import type { ApiTransport } from './transport.ts';

/** Where a kind is found: `/apis/apps/v1`, `deployments`. */
export interface Resource {
  readonly base: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

interface Group {
  readonly versions?: readonly { readonly groupVersion: string }[];
  readonly preferredVersion?: { readonly groupVersion: string };
}

/** The kinds that the server serves. Sends one request for each group and version. */
export class Discovery {
  readonly #transport: ApiTransport;
  readonly #lists = new Map<string, Promise<ResourceList>>();

  constructor(transport: ApiTransport) {
    this.#transport = transport;
  }

  async resource({ apiVersion, kind }: Kind): Promise<Resource | undefined> {
    const { resources = [] } = await this.#list(apiVersion);
    const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
    return found && { base: baseOf(apiVersion), plural: found.name, namespaced: found.namespaced };
  }

  /** @param resource for example `prometheuses.monitoring.coreos.com`. In its preferred version, if it has that. */
  async kind(resource: string): Promise<Kind | undefined> {
    const dot = resource.indexOf('.');
    const [plural, group] = [resource.slice(0, dot), resource.slice(dot + 1)];
    const request = { method: 'GET', path: `/apis/${group}`, repeatable: true } as const;
    const what = `list the versions of ${group}`;
    const answer = await this.#transport.send({ ...request, what }, [404]);
    if (answer.status === 404) return undefined;
    const { versions = [], preferredVersion } = parseAnswer(answer.body) as Group;
    for (const { groupVersion } of [...(preferredVersion ? [preferredVersion] : []), ...versions]) {
      const { resources = [] } = await this.#list(groupVersion);
      const found = resources.find(({ name }) => name === plural);
      if (found) return { apiVersion: groupVersion, kind: found.kind };
    }
    return undefined;
  }

  forget(): void {
    this.#lists.clear();
  }

  async #list(apiVersion: string): Promise<ResourceList> {
    const list = this.#lists.get(apiVersion) ?? this.#ask(apiVersion);
    this.#lists.set(apiVersion, list);
    try {
      return await list;
    } catch (error) {
      this.#lists.delete(apiVersion);
      throw error;
    }
  }

  async #ask(apiVersion: string): Promise<ResourceList> {
    const request = { method: 'GET', path: baseOf(apiVersion), repeatable: true } as const;
    const answer = await this.#transport.send({ ...request, what: `list the kinds of ${apiVersion}` }, [404]);
    return answer.status === 404 ? {} : (parseAnswer(answer.body) as ResourceList);
  }
}

/** The path of a collection; with a name, the path of one object. */
export function pathOf({ base, plural, namespaced }: Resource, namespace?: string, name?: string): string {
  const inside = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${inside}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

export const describe = (verb: string, ref: ObjectRef): string => `${verb} ${ref.kind} ${fullName(ref)}`;

const baseOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
