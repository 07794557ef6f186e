import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { built } from '../build.ts';
import { measure } from '../measure.ts';
import { type Ground, inPlace, type Place } from '../place.ts';
import type { Phase } from '../results.ts';
import type { Tool } from '../tools.ts';
import { verify } from '../trial.ts';
import { type LoadWatch, watchLoad } from './load.ts';
import { recordOf, type RunRecord, type Traced, traceVariable } from './record.ts';

/** One tool that runs in Node, cold and then warm, recorded from inside and from outside. */
export function recorded(tool: Tool, ground: Ground): Promise<Record<Phase, RunRecord>> {
  return inPlace(tool.name, ground, async (place) => {
    const cold = await record(tool, place);
    await verify(place.target, ground.digests, false);
    return { cold, warm: await record(tool, place) };
  });
}

async function record(tool: Tool, { job, running, registries, links }: Place): Promise<RunRecord> {
  const file = join(running.folder, 'trace.json');
  const [node = '', ...program] = tool.command(job);
  const command = [node, '--import', built().trace, ...program];
  const env = { ...running.env, [traceVariable]: file };
  const began = performance.now();
  let watch: LoadWatch | undefined;
  const started = (pid: number) => {
    watch = watchLoad({ tool: [pid], registries, proxies: links }, began);
  };
  let cpuSeconds = 0;
  let seconds = 0;
  try {
    ({ cpuSeconds, seconds } = await measure(command, { ...running, env, started }));
  } finally {
    watch?.stop();
  }
  const traced = JSON.parse(await readFile(file, 'utf8')) as Traced;
  const load = watch?.seen(cpuSeconds) ?? [];
  return recordOf(traced, { began: performance.timeOrigin + began, seconds, source: job.source, load });
}
