import { matchesAny } from '../core/globs.ts';
import { dockerShortName, formatReference, type Reference, repositoryOf } from './reference.ts';

/**
 * Creates the predicate for `images.exclude`.
 * @param globs match full references or Docker's short forms, with or without the tag
 * @returns a function for references and for the text of invalid references
 */
export function excluding(globs: readonly string[]): (image: Reference | string) => boolean {
  const isExcluded = matchesAny(globs, { matchSlash: true });
  return (image) => namesOf(image).some(isExcluded);
}

function namesOf(image: Reference | string): string[] {
  if (typeof image === 'string') return [image];
  return [formatReference(image), repositoryOf(image)].flatMap((name) => [name, dockerShortName(name)]);
}
