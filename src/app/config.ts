import { leaves } from '../config/paths.ts';
import { exitCodes } from '../errors/index.ts';
import type { Session } from './session.ts';

/** Prints every effective value with its origin. */
export async function showConfig(session: Session): Promise<number> {
  const { config, origins, file } = await session.loaded();
  await session.header();
  const values = leaves(config).map(([key, value]) => ({
    key,
    value,
    origin: origins.get(key) ?? 'default',
  }));
  await session.reporter.show({ type: 'config', data: { file: file ?? null, values } });
  return exitCodes.done;
}
