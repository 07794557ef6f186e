import { totalmem } from 'node:os';
import { processors } from '../mirror/measure.ts';
import { table, withRange } from '../mirror/table.ts';
import type { CommandResult } from './commands.ts';
import type { WaitResult } from './new-namespaces.ts';
import type { EvaluationResult } from './warnings.ts';

export interface Report {
  readonly size: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly commands: readonly CommandResult[];
  readonly waits: readonly WaitResult[];
  readonly warnings: EvaluationResult;
}

/** Seconds and bytes that a result should stay below, by its title. */
const goals: Readonly<Record<string, { readonly seconds: number; readonly memoryBytes?: number }>> = {
  status: { seconds: 2, memoryBytes: 200e6 },
  'up without changes': { seconds: 3 },
  why: { seconds: 3 },
  'at rest': { seconds: 2 },
  'during a regular refresh': { seconds: 2 },
};

/** The results in Markdown. */
export function markdown({ size, versions, commands, waits, warnings }: Report): string {
  const machine = `${processors()}, ${Math.round(totalmem() / 1e9)} GB`;
  const programs = Object.entries(versions).map((version) => version.join(' '));
  const day = new Date().toISOString().slice(0, 10);
  return [
    `${size}.`,
    table(
      ['command', 'seconds', 'CPU s', 'memory', 'lists', 'writes', 'API server CPU s', 'goal'],
      1,
      commands.map(commandRow),
    ),
    'Seconds, CPU and requests are medians, with the range of seconds; memory is the highest. Lists, writes and the CPU of the API server are those of all programs.',
    table(
      ['a new namespace waits for its pull secret', 'namespaces', 'seconds (median)', 'slowest', 'goal'],
      1,
      waits.map(waitRow),
    ),
    table(['evaluations of the policy that warns about images', 'references', 'less than 1 ms', 'goal'], 1, [
      warningRow(warnings),
    ]),
    `Measured on ${day} on ${machine}, with ${programs.join(', ')}.`,
    '',
  ].join('\n\n');
}

function commandRow({ title, seconds, cpuSeconds, maxMemoryBytes, requests }: CommandResult): string[] {
  const goal = goals[title];
  const isMet = goal && seconds.median < goal.seconds && maxMemoryBytes < (goal.memoryBytes ?? Infinity);
  return [
    `\`${title}\``,
    withRange(seconds),
    cpuSeconds.toFixed(2),
    `${Math.round(maxMemoryBytes / 1e6)} MB`,
    String(requests.lists),
    String(requests.writes),
    requests.serverCpuSeconds.toFixed(1),
    goal ? goalText(goal, isMet === true) : '',
  ];
}

function waitRow({ title, seconds, namespaces }: WaitResult): string[] {
  const goal = goals[title];
  return [
    title,
    String(namespaces),
    seconds.median.toFixed(2),
    seconds.max.toFixed(2),
    goal ? goalText(goal, seconds.max < goal.seconds) : '',
  ];
}

/** The share of evaluations that should take less than a millisecond. */
const quickGoal = 0.99;

const warningRow = ({ evaluations, references, quickShare }: EvaluationResult): string[] => [
  String(evaluations),
  String(references),
  `${(quickShare * 100).toFixed(1)} %`,
  `${quickGoal * 100} %: ${quickShare >= quickGoal ? 'met' : '**missed**'}`,
];

function goalText({ seconds, memoryBytes }: (typeof goals)[string], isMet: boolean): string {
  const memory = memoryBytes === undefined ? '' : `, ${memoryBytes / 1e6} MB`;
  return `${seconds} s${memory}: ${isMet ? 'met' : '**missed**'}`;
}
