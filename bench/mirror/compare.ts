import { cpus } from 'node:os';
import { bytesOf, floorOf } from './floor.ts';
import { describeMachine, versionOf } from './machine.ts';
import { peerVersions } from './peers.ts';
import type { Ground } from './place.ts';
import type { Cell } from './plan.ts';
import type { Comparison, Sample } from './results.ts';
import type { Source } from './source.ts';
import { dockerTools, peers, type Tool, type ToolName } from './tools.ts';
import { trial } from './trial.ts';

export interface Surroundings {
  /** A folder in memory that has the certificate for TLS. */
  readonly root: string;
  readonly toolOf: (name: ToolName) => Tool;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

/** Measures all tools of one cell of the plan. */
export async function compare(cell: Cell, source: Source, around: Surroundings): Promise<Comparison> {
  const { root, signal } = around;
  const certificate = cell.transport === 'https' ? { folder: root } : undefined;
  const registry = await source.start(certificate);
  try {
    const { roundTrip } = cell;
    const { set, digests } = source;
    const ground: Ground = {
      ...{ root, source: registry, digests, roundTrip, signal },
      ...(certificate && { certificate }),
    };
    const samples = await alternate(cell, ground, around);
    return {
      measuredAt: new Date().toISOString(),
      processors: cpus().length,
      machine: describeMachine(),
      versions: versionsFor(cell.tools),
      ...{
        set: set.name,
        title: set.title,
        images: set.images.length,
        bytes: bytesOf(set),
        floor: floorOf(set),
      },
      ...{ transport: cell.transport, roundTrip, samples },
    };
  } finally {
    await registry.stop();
  }
}

/** A peer that took more than so many times the time of the fastest one is not run again: it cannot win. */
const hopeless = 2;

/** Each tool in turn, again and again, so that what else the machine does meets them alike. */
async function alternate(
  { tools, repetitions }: Cell,
  ground: Ground,
  { toolOf, tell }: Surroundings,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const name of tools) {
      if (repetition > 0 && (dockerTools.includes(name) || isHopeless(name, samples))) continue;
      const measured = await trial(toolOf(name), ground);
      samples.push(...measured);
      const seconds = measured.map((sample) => `${sample.phase} ${sample.seconds.toFixed(2)} s`);
      tell(`  ${name}: ${seconds.join(', ')}`);
    }
  }
  return samples.sort((a, b) => tools.indexOf(a.tool) - tools.indexOf(b.tool));
}

function isHopeless(name: ToolName, samples: readonly Sample[]): boolean {
  if (!peers.includes(name)) return false;
  const seconds = (tool: ToolName, phase: string) =>
    samples.find((sample) => sample.tool === tool && sample.phase === phase)?.seconds ?? Infinity;
  return ['cold', 'warm'].every(
    (phase) => seconds(name, phase) > hopeless * Math.min(...peers.map((peer) => seconds(peer, phase))),
  );
}

function versionsFor(tools: readonly ToolName[]): Record<string, string> {
  return {
    node: process.versions.node,
    ...peerVersions(),
    ...(tools.includes('skopeo') && { skopeo: versionOf('skopeo') }),
    ...(tools.some((tool) => dockerTools.includes(tool)) && { docker: versionOf('dockerd') }),
    'docker-registry': versionOf('docker-registry'),
  };
}
