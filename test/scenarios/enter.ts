import type { World } from './world.ts';

/** The world that scenarios run in: the lab of real parts, inside which they are started. */
export async function enterWorld(): Promise<World> {
  const { labWorld } = await import('../lab/world.ts');
  return labWorld;
}
