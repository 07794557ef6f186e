import { idleSeconds, runningSeconds } from '../processes.ts';

/** Who takes part in a run. */
export const groups = ['tool', 'registries', 'proxies'] as const;
export type Group = (typeof groups)[number];

/** CPU seconds that were spent since the run began, at one moment of it. */
export interface Load extends Readonly<Record<Group, number>> {
  /** Milliseconds since the run began. */
  readonly at: number;
  /** What no processor was used for by anybody on this machine. */
  readonly idle: number;
}

/** Milliseconds between two looks. */
const interval = 20;

export interface LoadWatch {
  /** Looks for the last time. */
  stop(): void;
  /** What was seen. @param tool all CPU seconds of the tool, which the last look came too late for */
  seen(tool: number): Load[];
}

/** Looks at the processes of a run again and again. @param began by `performance.now()` */
export function watchLoad(processes: Readonly<Record<Group, readonly number[]>>, began: number): LoadWatch {
  const total = (group: Group) => processes[group].reduce((sum, pid) => sum + runningSeconds(pid), 0);
  const before = { tool: 0, registries: total('registries'), proxies: total('proxies'), idle: idleSeconds() };
  const look = (tool: number): Load => ({
    at: rounded(performance.now() - began, 2),
    tool: rounded(tool, 6),
    registries: rounded(total('registries') - before.registries, 6),
    proxies: rounded(total('proxies') - before.proxies, 6),
    idle: rounded(idleSeconds() - before.idle, 2),
  });
  const seen: Load[] = [{ at: 0, tool: 0, registries: 0, proxies: 0, idle: 0 }];
  // What ends is forgotten by the system, but was spent.
  const lookAgain = () => seen.push(look(Math.max(total('tool'), seen.at(-1)?.tool ?? 0)));
  const timer = setInterval(lookAgain, interval);
  return {
    stop: () => {
      clearInterval(timer);
      lookAgain();
    },
    seen: (tool) =>
      seen.map((load, index) =>
        index === seen.length - 1 ? { ...load, tool: Math.max(tool, load.tool) } : load,
      ),
  };
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
