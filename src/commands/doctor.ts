import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { diagnose, wouldFail } from '../run/doctor/index.ts';
import { showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';
import { examples, type Program } from './command.ts';

export function register(command: Command, program: Program): void {
  command.action(() => program.run(command, doctor));
  examples(command, [
    ['ecr-bootstrap doctor', 'Check everything that up needs'],
    ['ecr-bootstrap doctor -o json', 'Use in a pipeline: exits 3 if up would fail'],
  ]);
}

/** Checks everything that `up` needs, and changes nothing. Resolves to the exit code. */
async function doctor(session: Session): Promise<number> {
  showReading(session);
  const checks = await diagnose(session);
  const ready = !wouldFail(checks);
  await session.reporter.show({ type: 'doctor', data: { checks, ready } });
  return ready ? exitCodes.done : exitCodes.drift;
}
