import { afterAll } from 'vitest';

import type { Capability, World } from './world.ts';

/** Set by the vitest project `lab`. Everywhere else the scenarios run in sandboxes. */
const inLab = process.env['SCENARIO_WORLD'] === 'lab';

/** What happens in no sandbox. Scenarios that need it are counted as skipped there. */
const beyondSandbox: readonly Capability[] = [
  ...(['kill', 'restart the API server', 'other tools', 'DNS log', 'one for all'] as const),
];

/** Whether this world can do something that not every world can. */
export const can = (capability: Capability): boolean => inLab || !beyondSandbox.includes(capability);

/** Brings the site back to what the next scenario expects; a sandbox goes away with its scenario. */
export function tidyUp(work: () => Promise<void>): void {
  if (inLab) afterAll(work);
}

/**
 * The world that scenarios run in: the lab of real parts, inside which they are started, or a sandbox of their own.
 * @param untouched nothing was done there yet; else the people's workloads are there, at work once `up` has run. The
 *   lab is one site for all scenarios, untouched for the first.
 */
export async function enterWorld({ untouched = false } = {}): Promise<World> {
  if (inLab) return (await import('../lab/world.ts')).labWorld();
  return (await import('./sandbox/world.ts')).openSandboxWorld(untouched);
}
