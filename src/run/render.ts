import { exitCodes } from '../core/errors.ts';
import { steps } from '../steps/index.ts';
import { chooseSteps } from './choose.ts';
import type { Session } from './session.ts';

/** Prints the objects that `up` applies, of one step or of all. */
export async function render(session: Session, step: string | undefined): Promise<number> {
  const ctx = await session.context();
  await session.header();
  const chosen = chooseSteps(steps, step === undefined ? {} : { only: [step] });
  const objects = await Promise.all(chosen.map(async (each) => (await each.render?.(ctx)) ?? []));
  await session.reporter.show({ type: 'objects', data: { objects: objects.flat() } });
  return exitCodes.done;
}
