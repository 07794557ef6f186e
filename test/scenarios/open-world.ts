import { afterAll } from 'vitest';

import type { Capability, World } from './world.ts';

/** Set by the vitest project `lab`. Everywhere else the scenarios run in sandboxes. */
const inLab = process.env['SCENARIO_WORLD'] === 'lab';

/** What no sandbox can do. Scenarios that need it are skipped there. */
const labOnly: readonly Capability[] = [
  ...(['kill', 'restart the API server', 'other tools', 'DNS log', 'request log'] as const),
  ...(['node shell', 'machines', 'one for all'] as const),
];

/** Whether this world has an optional capability. */
export const can = (capability: Capability): boolean => inLab || !labOnly.includes(capability);

/** Restores the state that the next scenario expects. Only the lab needs it: a sandbox serves one scenario. */
export function restoreAfterAll(work: () => Promise<void>): void {
  if (inLab) afterAll(work);
}

/**
 * Opens the world that scenarios run in. In the lab of real parts it is the lab; otherwise it is a new sandbox.
 * @param untouched whether nothing has been done there yet. Otherwise it has the users' workloads, which run once
 * `up` has run. The lab is one site for all scenarios, and is untouched for the first.
 */
export async function openWorld({ untouched = false } = {}): Promise<World> {
  if (inLab) return (await import('../lab/world.ts')).labWorld();
  return (await import('./sandbox/world.ts')).openSandboxWorld(untouched);
}
