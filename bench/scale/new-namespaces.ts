import { setTimeout as sleep } from 'node:timers/promises';
import { type Spread, spreadOf } from '../mirror/results.ts';
import type { Api } from './api.ts';

/** How long new namespaces waited for their pull secret. */
export interface WaitResult {
  readonly title: string;
  readonly seconds: Spread;
  readonly namespaces: number;
}

const pullSecret = 'puller';
/** More polls would take the API server's time from the operator. */
const pollMs = 100;
const externalSecrets = '/apis/external-secrets.io/v1beta1/externalsecrets';

/** Creates a namespace each second until the work ends. */
export async function newNamespacesDuring(
  api: Api,
  title: string,
  work: Promise<unknown>,
): Promise<WaitResult> {
  const done = new AbortController();
  const ended = work.finally(() => done.abort());
  // The work may fail long before it is awaited.
  ended.catch(() => undefined);
  const waits: Promise<number>[] = [];
  const prefix = title.replaceAll(/[^a-z]+/g, '-');
  while (!done.signal.aborted || waits.length === 0) {
    waits.push(secondsToSecret(api, `${prefix}-${waits.length}`));
    await sleep(1000);
  }
  await ended;
  return { title, seconds: spreadOf(await Promise.all(waits)), namespaces: waits.length };
}

async function secondsToSecret(api: Api, name: string): Promise<number> {
  const began = performance.now();
  await api.create('/api/v1/namespaces', { metadata: { name } });
  while ((await api.get(`/api/v1/namespaces/${name}/secrets/${pullSecret}`)) === undefined)
    await sleep(pollMs);
  return (performance.now() - began) / 1000;
}

interface ExternalSecrets {
  readonly items: readonly {
    readonly metadata: { readonly namespace: string };
    readonly status?: { readonly refreshTime?: string };
  }[];
}

/** When the operator last refreshed the copies in namespaces, in milliseconds, oldest first. */
async function refreshTimes(api: Api, namespaces: ReadonlySet<string>): Promise<readonly number[]> {
  const list = await api.get<ExternalSecrets>(externalSecrets);
  return (list?.items ?? [])
    .filter(({ metadata }) => namespaces.has(metadata.namespace))
    .map(({ status }) => Date.parse(status?.refreshTime ?? '') || 0)
    .sort((a, b) => a - b);
}

/** Waits until the first copies are due again. */
export async function untilNextRefresh(
  api: Api,
  namespaces: ReadonlySet<string>,
  intervalMs: number,
): Promise<void> {
  const [first = 0] = await refreshTimes(api, namespaces);
  await sleep(Math.max(0, first + intervalMs - Date.now()));
}

/** Waits until the operator has refreshed all copies. */
export async function untilRefreshed(api: Api, namespaces: ReadonlySet<string>): Promise<void> {
  // The operator records whole seconds.
  const since = Math.floor(Date.now() / 1000) * 1000;
  while (((await refreshTimes(api, namespaces))[0] ?? 0) < since) await sleep(5000);
}
