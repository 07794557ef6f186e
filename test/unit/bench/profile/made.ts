import type { Load } from '../../../../bench/mirror/profile/load.ts';
import type { Request, RunRecord } from '../../../../bench/mirror/profile/record.ts';

/** A request that took one round trip of 40 ms at once. */
export const made = (created: number, over: Partial<Request> = {}): Request => ({
  ...{ side: 'source', kind: 'manifest', method: 'GET' },
  ...{ created, sent: created, answered: created + 40, ended: created + 40 },
  ...over,
});

export const looked = (at: number, over: Partial<Load> = {}): Load => ({
  ...{ at, tool: 0, registries: 0, proxies: 0, idle: 0 },
  ...over,
});

export const ran = (over: Partial<RunRecord> = {}): RunRecord => ({
  ...{ seconds: 1, loaded: 50, ended: 980, connections: [], requests: [], load: [looked(0), looked(1000)] },
  ...over,
});
