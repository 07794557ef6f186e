import type { Finding } from '../../src/core/findings.ts';
import type { Cli } from './cli.ts';

/** What `status` reports for one step, and its exit code. */
export async function statusOf(
  cli: Cli,
  step: string,
): Promise<{ readonly code: number; readonly findings: readonly Finding[] }> {
  const { code, document } = await cli.json(`status --only ${step}`);
  const { steps } = document['status'] as { steps: readonly { findings: readonly Finding[] }[] };
  return { code, findings: steps.flatMap(({ findings }) => findings) };
}
