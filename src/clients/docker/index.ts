import type { DockerPort } from './port.ts';
import { resolveAddress, type AddressOptions } from './resolve.ts';

export type { DockerPort } from './port.ts';
export type { AddressOptions } from './resolve.ts';

/**
 * Finds the engine and creates a port to it. Sends nothing: {@link DockerPort.version} verifies that the engine
 * responds.
 */
export async function connectDocker(options: AddressOptions): Promise<DockerPort> {
  const [address, { createDocker }] = await Promise.all([resolveAddress(options), import('./adapter.ts')]);
  return createDocker(address);
}
