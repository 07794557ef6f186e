import { BootstrapError } from '../../core/errors.ts';
import { toBootstrapError } from '../../core/members.ts';
import { CorruptContent } from '../../clients/registry/digest.ts';

/** What went wrong with one image, as the error for its result. */
export function failureOf(thrown: unknown, what: string): BootstrapError {
  if (!(thrown instanceof CorruptContent)) return toBootstrapError(thrown, what);
  return new BootstrapError(
    {
      code: 'image-corrupt',
      what,
      why: thrown.message,
      hint: 'Run the same command again; if it stays so, ask those who run the source registry.',
    },
    { cause: thrown },
  );
}
