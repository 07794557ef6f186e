import { measure } from './measure.ts';
import { type Ground, inPlace } from './place.ts';
import { usageOfTree } from './processes.ts';
import type { BenchRegistry } from './registry.ts';
import { phases, type Sample } from './results.ts';
import { tag } from './seed.ts';
import { dockerTools, type Tool } from './tools.ts';

/**
 * One tool, cold and then warm.
 * @throws Error when the tool fails, or did not copy what it had to
 */
export function trial(tool: Tool, ground: Ground): Promise<Sample[]> {
  return inPlace(tool.name, ground, async ({ job, running, target, registries, links }) => {
    const others = [...registries, ...links];
    const spent = () => others.reduce((sum, pid) => sum + usageOfTree(pid).cpuSeconds, 0);
    const answered = async () => (await ground.source.requests()) + (await target.requests());
    const samples: Sample[] = [];
    for (const phase of phases) {
      const before = await answered();
      const spentBefore = spent();
      const cost = await measure(tool.command(job), running);
      const otherCpuSeconds = spent() - spentBefore;
      const requests = (await answered()) - before;
      await verify(target, ground.digests, dockerTools.includes(tool.name));
      samples.push({ tool: tool.name, phase, requests, otherCpuSeconds, ...cost });
    }
    return samples;
  });
}

/** @param mayDiffer for tools that take one platform and pack layers anew: the tag must be there */
export async function verify(
  target: BenchRegistry,
  digests: ReadonlyMap<string, string>,
  mayDiffer: boolean,
): Promise<void> {
  for (const [repository, digest] of digests) {
    const copied = await target.digest(`mirror/${repository}`, tag);
    if (copied === undefined || (copied !== digest && !mayDiffer))
      throw new Error(`${repository} is ${copied ?? 'missing'} instead of ${digest}`);
  }
}
