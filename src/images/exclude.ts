import { matchesAny } from '../core/globs.ts';
import { familiar, formatReference, type Reference, repositoryOf } from './reference.ts';

/**
 * A test for what the configuration leaves out.
 * @param globs over full references or as Docker's users write them, with tag or without
 * @returns takes a reference, or the text of one that cannot be read
 */
export function excluding(globs: readonly string[]): (image: Reference | string) => boolean {
  const isExcluded = matchesAny(globs, { matchSlash: true });
  return (image) => namesOf(image).some(isExcluded);
}

function namesOf(image: Reference | string): string[] {
  if (typeof image === 'string') return [image];
  return [formatReference(image), repositoryOf(image)].flatMap((name) => [name, familiar(name)]);
}
