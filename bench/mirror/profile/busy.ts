import { type Group, groups, type Load } from './load.ts';

/** How many processors were used on average, by whom. */
export interface Busy extends Readonly<Record<Group, number>> {
  /** By everything else on this machine. */
  readonly rest: number;
  readonly idle: number;
}

/** The processors' use between two moments of a run. Milliseconds. */
export function busyBetween(
  load: readonly Load[],
  from: number,
  to: number,
  processors: number,
): Busy | undefined {
  if (to <= from) return undefined;
  const used = (of: Group | 'idle') =>
    ((spentAt(load, to, of) - spentAt(load, from, of)) * 1000) / (to - from);
  const [tool, registries, proxies] = [used('tool'), used('registries'), used('proxies')];
  const ours = tool + registries + proxies;
  // Idle time is told in hundredths of a second, the rest in less.
  const idle = Math.min(used('idle'), Math.max(0, processors - ours));
  return { tool, registries, proxies, idle, rest: Math.max(0, processors - ours - idle) };
}

/** CPU seconds of all groups in a whole run. */
export const spentIn = (load: readonly Load[]): Readonly<Record<Group, number>> => {
  const last = load.at(-1);
  const [tool = 0, registries = 0, proxies = 0] = groups.map((group) => last?.[group]);
  return { tool, registries, proxies };
};

/** Between two looks everybody is taken to have worked evenly. */
function spentAt(load: readonly Load[], time: number, of: Group | 'idle'): number {
  const next = load.findIndex(({ at }) => at >= time);
  const [before, after] = next < 0 ? [load.at(-1), undefined] : [load[next - 1], load[next]];
  if (!before || !after) return (before ?? after)?.[of] ?? 0;
  const share = (time - before.at) / (after.at - before.at);
  return before[of] + share * (after[of] - before[of]);
}
