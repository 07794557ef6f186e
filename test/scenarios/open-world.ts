import { afterAll, beforeAll } from 'vitest';

import { imagesInUse, restoreWorkloads, succeed, useImagesInEcr, workloads } from './site.ts';
import type { Capability, World } from './world.ts';

/** Set by the vitest project `lab`. Everywhere else the scenarios run in sandboxes. */
const inLab = process.env['SCENARIO_WORLD'] === 'lab';

/** What only the lab can do. Scenarios that need it are skipped in sandboxes. */
const labOnly: readonly Capability[] = [
  ...(['kill', 'restart the API server', 'other tools', 'DNS log', 'request log'] as const),
  ...(['node shell', 'machines', 'shared world'] as const),
];

/** What a lab with other versions than the default cannot do. */
const lacking = inLab ? (await import('../lab/lacking.ts')).lacking : labOnly;

/** Whether this world has an optional capability. */
export const can = (capability: Capability): boolean => !lacking.includes(capability);

/** Restores the state that the next scenario expects. A sandbox serves only one scenario, so only the lab needs this. */
export function restoreAfterAll(work: () => Promise<void>): void {
  if (inLab) afterAll(work);
}

/**
 * The world that the scenarios of a suite run in: the lab, or a new sandbox. It is opened before the first test, and never
 * if all tests are skipped. A sandbox is closed after the last test.
 * @param untouched leaves out the users' workloads, which run once `up` has run. In the lab, which all scenarios share,
 * they exist since the first scenario that did not ask for this.
 */
export function openWorld({ untouched = false } = {}): Promise<World> {
  if (inLab) {
    const opened = import('../lab/world.ts').then(({ labWorld }) => labWorld());
    if (!untouched) beforeAll(async () => setUp(await opened));
    return opened;
  }
  let close = async (): Promise<void> => undefined;
  afterAll(() => close());
  return new Promise((resolve) => {
    beforeAll(async () => {
      const { openSandboxWorld } = await import('./sandbox/world.ts');
      const opened = await openSandboxWorld(untouched);
      ({ close } = opened);
      resolve(opened.world);
    });
  });
}

/** Prepares a new lab as the first scenario leaves it, for another one that runs without it. */
async function setUp(world: World): Promise<void> {
  const [workload] = workloads;
  if (!workload || (await world.cluster.get('deployment', workload.name, workload.namespace))) return;
  await world.configure(imagesInUse);
  await restoreWorkloads(world);
  await succeed(world, 'up', '--yes');
  await useImagesInEcr(world);
}
