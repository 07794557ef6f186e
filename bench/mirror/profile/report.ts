import { type Comparison, median, type Phase, phases, rowsOf } from '../results.ts';
import { table } from '../table.ts';
import { judgedRoundTrip, wantedTime } from '../targets.ts';
import { peers } from '../tools.ts';
import { boundsOf, leftForTool } from './bounds.ts';
import { type Busy, spentIn } from './busy.ts';
import { nameOf, type Profile } from './profile.ts';
import { spansOf } from './spans.ts';
import { type Stage, stagesOf } from './stages.ts';

/** A profile as Markdown. @param comparisons whose targets it is held against */
export function report(profile: Profile, comparisons: readonly Comparison[]): string {
  const { set, title, roundTrip, measuredAt, machine, versions } = profile;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const comparison = comparisons.find(
    (one) => one.set === set && one.transport === 'http' && one.roundTrip === judgedRoundTrip,
  );
  return [
    `# What bounds a run with set ${set}: ${title}`,
    `The registry engine over plain HTTP, ${roundTrip} ms away. Of several runs, the one in the middle is shown. ` +
      `Measured ${measuredAt.slice(0, 10)} on ${machine} with ${used.join(', ')}; to repeat it: ` +
      `\`npm run bench:mirror -- --profile ${set}\`.`,
    `![Processors busy and requests under way, over time](${nameOf(profile)}.svg)`,
    ...phases.flatMap((phase) => section(profile, phase, comparison)),
    '',
  ].join('\n\n');
}

function section(profile: Profile, phase: Phase, comparison: Comparison | undefined): string[] {
  const { record, recordedSeconds, plainSeconds } = profile.runs[phase];
  const runs = (seconds: readonly number[]) =>
    `${median(seconds).toFixed(2)} s (${Math.min(...seconds).toFixed(2)} – ${Math.max(...seconds).toFixed(2)})`;
  return [
    `## ${phase}: ${record.seconds.toFixed(2)} s`,
    `With the recorder, median and range of ${recordedSeconds.length}: ${runs(recordedSeconds)}; without it, in turn: ${runs(plainSeconds)}.`,
    ...(phase === 'warm' ? ['### Where the time goes', spans(profile)] : []),
    '### What happened when',
    stages(profile, phase),
    '### What it cannot take less than',
    bounds(profile, phase, comparison),
    verdict(profile, phase, comparison),
  ];
}

function spans({ runs, bare, chain, roundTrip }: Profile): string {
  const { record } = runs.warm;
  const whole = record.seconds * 1000;
  const rows = spansOf(record).map(({ name, milliseconds }) => [
    name,
    milliseconds.toFixed(0),
    percent(milliseconds / whole),
  ]);
  return [
    table(['', 'ms', 'share'], 1, [...rows, ['together', whole.toFixed(0), '100 %']]),
    `The ${chain.warm} round trips that must follow each other, of which one opens the connections, are ` +
      `${chain.warm * roundTrip} ms of that, and begin with the first connection. ` +
      `Node with an empty program takes ${(bare.node * 1000).toFixed(0)} ms from its start to its end, and ${(bare.recorder * 1000).toFixed(0)} ms more with the recorder of this profile; medians.`,
  ].join('\n\n');
}

/** The most of the processors' time that the rest of a machine takes when it does nothing else but these measurements. */
const quiet = 0.1;

const stageColumns = [
  'stage',
  'from – to ms',
  'requests',
  'waited ms',
  'answer ms',
  'connections',
  'tool',
  'registries',
  'proxies',
  'rest',
  'idle',
];

function stages({ runs, processors }: Profile, phase: Phase): string {
  const { before, between, after, whole } = stagesOf(runs[phase].record, processors);
  const rows = [before, ...between, after, whole].map((stage) => [
    stage.name,
    `${stage.from.toFixed(0)} – ${stage.to.toFixed(0)}`,
    stage.requests === 0 ? '' : String(stage.requests),
    stage.waited?.toFixed(0) ?? '',
    stage.answer?.toFixed(0) ?? '',
    stage.connections === 0 ? '' : String(stage.connections),
    ...busy(stage),
  ]);
  return [
    table(stageColumns, 1, rows),
    'Stages overlap: each goes from its first request to its last answer. Medians of what requests waited before they ' +
      `left, and from there to the head of the answer. The last five columns: how many of the ${processors} processors ` +
      'were busy with what, on average; the rest is everything else on this machine, this benchmark and interrupts included.',
  ].join('\n\n');
}

const busy = ({ busy: used }: Stage): string[] =>
  (['tool', 'registries', 'proxies', 'rest', 'idle'] as const satisfies readonly (keyof Busy)[]).map(
    (who) => used?.[who].toFixed(2) ?? '',
  );

function bounds(profile: Profile, phase: Phase, comparison: Comparison | undefined): string {
  const { runs, processors, roundTrip, chain, bare } = profile;
  const { record } = runs[phase];
  const target = comparison && wantedTime(comparison, phase);
  const circumstances = { processors, roundTrip, chain: chain[phase], bareSeconds: bare.node };
  const row = (name: string, seconds: number) => [
    name,
    seconds.toFixed(2),
    percent(seconds / record.seconds),
    target === undefined ? '' : percent(seconds / target.seconds),
  ];
  const rows = boundsOf(record, circumstances).map(({ reason, seconds }) => row(reason, seconds));
  return table(['', 'seconds', 'of this run', 'of the target'], 1, [
    ...rows,
    ...(target ? [row(targetName(target.wanted, comparison), target.seconds)] : []),
    row('**this run**', record.seconds),
  ]);
}

const targetName = (wanted: string, { measuredAt }: Comparison): string =>
  `**the target**: ${wanted}, by the comparison of ${measuredAt.slice(0, 10)}`;

/** What follows from the figures, in words. */
function verdict({ runs, processors }: Profile, phase: Phase, comparison: Comparison | undefined): string {
  const { record } = runs[phase];
  const whole = stagesOf(record, processors).whole.busy;
  const said: string[] = [];
  if (whole)
    said.push(
      `Of the processors' time ${percent(whole.idle / processors)} was idle and ${percent(whole.rest / processors)} went to the rest of the machine.` +
        (whole.rest / processors > quiet ? ' **The machine was not quiet: measure again.**' : ''),
    );
  const target = comparison && wantedTime(comparison, phase);
  if (comparison === undefined || target === undefined) return said.join(' ');
  const left = leftForTool(record, target.seconds, processors);
  const { tool } = spentIn(record.load);
  const others = rowsOf(comparison, phase).filter((row) => peers.includes(row.tool));
  const leanest = others.sort((a, b) => a.cpuSeconds - b.cpuSeconds)[0];
  said.push(
    left <= 0
      ? 'Registries and proxies alone take longer than the target, with every processor.'
      : `If no processor ever waited, the target would leave a tool ${left.toFixed(2)} CPU s; this one took ${tool.toFixed(2)}` +
          (leanest ? `, the leanest peer (${leanest.tool}) ${leanest.cpuSeconds.toFixed(2)}.` : '.'),
  );
  return said.join(' ');
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
